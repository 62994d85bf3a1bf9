"""What the transcoder asks of a gRPC channel. A `grpc.aio.Channel` offers it."""

from collections.abc import Awaitable
from typing import Any, Protocol

import grpc.aio

from edge.transcoding.frontier import Metadata


class UnaryCall(Awaitable[bytes], Protocol):
    """A call under way. Awaited, it gives the serialized response.

    Raises `grpc.aio.AioRpcError` if it fails; if whoever awaits it is cancelled, so is the call.
    """

    def cancel(self) -> bool:
        """Give the call up."""

    async def initial_metadata(self) -> Any:
        """Return the metadata that the answer began with, as pairs."""

    async def trailing_metadata(self) -> Any:
        """Return the metadata that the answer ended with, as pairs."""


class UnaryRpc(Protocol):
    """Calls an RPC with one response."""

    def __call__(
        self, request: bytes, /, *, metadata: Metadata, timeout: float | None
    ) -> UnaryCall:
        """Make a call that may take `timeout` seconds.

        Raises:
            grpc.aio.UsageError: The channel is closed.
        """


class Channel(Protocol):
    """Makes calls of RPCs by their gRPC path, in bytes both ways."""

    def unary_unary(self, method: str, /) -> UnaryRpc:
        """Return what calls an RPC with one response."""

    def unary_stream(self, method: str, /) -> "grpc.aio.UnaryStreamMultiCallable[bytes, bytes]":
        """Return what calls an RPC with a stream of responses."""
