"""A call that travels in a bundle."""

import asyncio
from collections.abc import Generator, Iterable
from typing import Any, Protocol

import grpc
import grpc.aio

from limen.relay.v1 import relay_pb2

_OK = grpc.StatusCode.OK.value[0]
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_BINARY = "-bin"

Metadata = tuple[tuple[str, str | bytes], ...]


class Carrier(Protocol):
    """What a call travels with."""

    def abandon(self, call_id: int) -> bool:
        """Nobody waits for this call any longer. Returns whether it was in flight."""


class BundledCall:
    """What `grpc.aio.UnaryUnaryCall` is to a plain call, as far as the edge uses that.

    Awaited, it gives the serialized response, or raises `grpc.aio.AioRpcError`. Cancelling it, or
    whoever awaits it, cancels the call in the core.
    """

    __slots__ = ("_answer", "_carrier", "_future", "_id", "_timer")

    def __init__(self, call_id: int, *, carrier: Carrier, timeout: float | None) -> None:
        """`timeout` is in seconds."""
        loop = asyncio.get_running_loop()
        self._id = call_id
        self._carrier = carrier
        self._future: asyncio.Future[bytes] = loop.create_future()
        self._answer: relay_pb2.Answer | None = None
        self._timer = None if timeout is None else loop.call_later(timeout, self._expire)

    def __await__(self) -> Generator[Any, None, bytes]:
        try:
            return (yield from self._future)
        except asyncio.CancelledError:
            self.cancel()
            raise

    def cancel(self) -> bool:
        """Gives the call up. Returns whether that came before its end."""
        self._stop_clock()
        self._future.cancel()
        return self._carrier.abandon(self._id)

    async def initial_metadata(self) -> Metadata:
        """Nothing: a bundled answer has but one end."""
        return ()

    async def trailing_metadata(self) -> Metadata:
        """The metadata of the answer."""
        await self._future
        return () if self._answer is None else tuple(_pairs(self._answer))

    def settle(self, answer: relay_pb2.Answer) -> None:
        """Ends the call with the answer that has come."""
        self._stop_clock()
        if self._future.done():
            return
        self._answer = answer
        if answer.code == _OK:
            self._future.set_result(answer.response)
        else:
            code = _CODES.get(answer.code, grpc.StatusCode.UNKNOWN)
            self._raise(code, answer.message, _pairs(answer))

    def fail(self, code: grpc.StatusCode, message: str) -> None:
        """Ends the call for want of an answer."""
        self._stop_clock()
        if not self._future.done():
            self._raise(code, message, ())

    def _expire(self) -> None:
        self._carrier.abandon(self._id)
        self.fail(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")

    def _stop_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _raise(
        self, code: grpc.StatusCode, message: str, trailing: Iterable[tuple[str, str | bytes]]
    ) -> None:
        self._future.set_exception(
            grpc.aio.AioRpcError(
                code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), details=message
            )
        )


def _pairs(answer: relay_pb2.Answer) -> Iterable[tuple[str, str | bytes]]:
    for each in answer.trailing_metadata:
        binary = each.key.endswith(_BINARY)
        yield each.key, each.value if binary else each.value.decode("ascii", "replace")
