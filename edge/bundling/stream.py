"""One stream to a core, and the calls that are in flight on it."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from edge.bundling.call import BundledCall, Metadata
from edge.bundling.outgoing import Outgoing, Pairs, size_of
from limen.relay.v1 import relay_pb2

OpenStream = Callable[..., "grpc.aio.StreamStreamCall[bytes, bytes]"]
"""Begins an RPC of two streams, with `metadata`."""


class Stream:
    """Carries calls from the moment the core accepts them until it or the edge has had enough.

    A stream that retires takes no more calls, and ends once those in flight are answered.
    """

    def __init__(self, open_stream: OpenStream, *, proof: Metadata, max_bytes: int) -> None:
        """`proof` is sent once, in place of with each call. `max_bytes` is the greatest message
        that this side receives.
        """
        self._open_stream = open_stream
        self._proof = proof
        self._max_bytes = max_bytes
        self._outgoing = Outgoing()
        self._calls: dict[int, BundledCall] = {}
        self._last_id = 0
        self.opened = asyncio.Event()
        """Set when the core accepts calls."""
        self.retired = asyncio.Event()
        """Set when no more calls are taken, for whatever reason."""

    @property
    def load(self) -> int:
        """How many calls are in flight."""
        return len(self._calls)

    async def run(self) -> None:
        """Returns when the stream has ended as it should.

        Raises `grpc.aio.AioRpcError` when it broke. The calls in flight have then failed as
        UNAVAILABLE: whether they took effect is not known, as after any loss of a connection.
        """
        rpc = self._open_stream(metadata=self._proof)
        writing = asyncio.create_task(self._write(rpc))
        try:
            while isinstance(data := await rpc.read(), bytes):
                self._receive(relay_pb2.RelayResponse.FromString(data))
        finally:
            self._end()
            rpc.cancel()
            writing.cancel()
            # What broke the writing broke the reading too, and that says what it was.
            await asyncio.gather(writing, return_exceptions=True)

    def call(
        self, method: str, request: bytes, *, metadata: Pairs, timeout: float | None
    ) -> BundledCall | None:
        """Makes a call, unless it does not fit. `timeout` is in seconds."""
        own = [pair for pair in metadata if pair not in self._proof]
        size = size_of(method, request, own)
        if self.retired.is_set() or not self._outgoing.takes(size):
            return None
        self._last_id += 1
        call = BundledCall(self._last_id, carrier=self, timeout=timeout)
        self._calls[self._last_id] = call
        self._outgoing.add(
            size,
            call_id=self._last_id,
            method=method,
            request=request,
            metadata=own,
            timeout=timeout,
        )
        return call

    def abandon(self, call_id: int) -> bool:
        """Tells the core that nobody waits for a call any longer. Returns whether anybody did."""
        if self._calls.pop(call_id, None) is None:
            return False
        self._outgoing.cancel(call_id)
        self._complete_if_idle()
        return True

    def retire(self) -> None:
        """Takes no more calls."""
        self.retired.set()
        self._complete_if_idle()

    async def _write(self, rpc: Any) -> None:
        opening = relay_pb2.Opening(max_bytes=self._max_bytes)
        await rpc.write(relay_pb2.RelayRequest(opening=opening).SerializeToString())
        async for bundle in self._outgoing.bundles():
            await rpc.write(bundle.SerializeToString())
        await rpc.done_writing()

    def _receive(self, response: relay_pb2.RelayResponse) -> None:
        if response.HasField("opening"):
            self._outgoing.max_bytes = response.opening.max_bytes
            self.opened.set()
        for answer in response.answers:
            call = self._calls.pop(answer.id, None)
            # Nobody waits any longer if its cancellation and its answer have crossed.
            if call is not None:
                call.settle(answer)
        if response.closing:
            self.retired.set()
        if self.retired.is_set():
            self._complete_if_idle()

    def _complete_if_idle(self) -> None:
        if self.retired.is_set() and not self._calls:
            self._outgoing.complete()

    def _end(self) -> None:
        self.retired.set()
        calls, self._calls = self._calls, {}
        for call in calls.values():
            call.fail(grpc.StatusCode.UNAVAILABLE, "the stream to the core broke")
