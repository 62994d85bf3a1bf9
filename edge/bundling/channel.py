"""A channel whose unary calls travel in bundles."""

from collections.abc import Callable
from typing import Any

import grpc.aio
from structlog.typing import FilteringBoundLogger

from edge.bundling.call import BundledCall, Metadata
from edge.bundling.outgoing import Pairs
from edge.bundling.stream import OpenStream, Stream
from edge.bundling.streams import Streams

RELAY = "/limen.relay.v1.RelayService/Relay"

LIFETIME = 300.0
"""Seconds after which streams begin to be replaced."""


class BundlingChannel:
    """Has the face of a `grpc.aio.Channel` that the transcoder uses.

    `channel` is the channel beneath. `proof` is the metadata by which the core knows the edge;
    without any it would refuse bundles, and nothing but plain calls is made. `count` is how many
    streams are kept open, `max_bytes` the greatest message that `channel` receives.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        proof: Metadata,
        count: int,
        max_bytes: int,
        log: FilteringBoundLogger,
        lifetime: float = LIFETIME,
    ) -> None:
        self._channel = channel
        self._is_trusted = bool(proof)
        relay: OpenStream = channel.stream_stream(RELAY)
        self._streams = Streams(
            lambda: Stream(relay, proof=proof, max_bytes=max_bytes),
            count=count,
            lifetime=lifetime,
            log=log,
        )

    def start(self) -> None:
        """Begins to open streams. Until one is open, and whenever none is, calls go plain."""
        if self._is_trusted:
            self._streams.start()

    async def close(self) -> None:
        """Ends everything that is in flight, and closes the channel beneath."""
        await self._streams.close()
        await self._channel.close()

    def unary_unary(self, method: str) -> "BundledRpc":
        """What calls a unary RPC."""
        return BundledRpc(method, self._channel.unary_unary(method), self._streams)

    def unary_stream(self, method: str) -> "grpc.aio.UnaryStreamMultiCallable[bytes, bytes]":
        """What calls an RPC with a stream of responses: it goes by itself."""
        return self._channel.unary_stream(method)


class BundledRpc:
    """Calls one unary RPC, in a bundle if it can."""

    def __init__(self, method: str, plain: Callable[..., Any], streams: Streams) -> None:
        self._method = method
        self._plain = plain
        self._streams = streams

    def __call__(
        self, request: bytes, *, metadata: Pairs, timeout: float | None
    ) -> "BundledCall | grpc.aio.UnaryUnaryCall[bytes, bytes]":
        """Makes a call. `timeout` is in seconds."""
        stream = self._streams.pick()
        if stream is not None:
            call = stream.call(self._method, request, metadata=metadata, timeout=timeout)
            if call is not None:
                return call
        plain: grpc.aio.UnaryUnaryCall[bytes, bytes] = self._plain(
            request, metadata=metadata, timeout=timeout
        )
        return plain
