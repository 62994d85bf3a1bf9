"""One call out of a bundle, as the chain and the servicers see it."""

import asyncio
from collections.abc import Mapping
from typing import Any, Never

import grpc

from limen.relay.v1 import relay_pb2
from server.interceptors.call import Context

_BINARY = "-bin"

Metadata = tuple[tuple[str, str | bytes], ...]


class BundledCallAborted(Exception):  # noqa: N818 - like `grpc.aio.AbortError`, it is no mistake
    """The call has its status, and ends here."""


class BundledContext:
    """What `grpc.aio.ServicerContext` is to a plain call.

    `proof` is the metadata that showed, once for all calls of the stream, that the edge is there.
    It has the last word, whatever a call says.
    """

    __slots__ = ("_call", "_deadline", "_proof", "_status", "_stream", "_trailing")

    def __init__(self, call: relay_pb2.Call, *, stream: Context, proof: Metadata) -> None:
        self._call = call
        self._stream = stream
        self._proof = proof
        self._trailing: Metadata = ()
        self._status: tuple[grpc.StatusCode, str] = (grpc.StatusCode.OK, "")
        self._deadline: float | None = None
        if call.timeout_ms:
            self._deadline = asyncio.get_running_loop().time() + call.timeout_ms / 1000

    def invocation_metadata(self) -> Metadata:
        """What the edge sends with the call, and what it showed when it opened the stream."""
        pairs = [(each.key, _value(each.key, each.value)) for each in self._call.metadata]
        return (*pairs, *self._proof)

    def peer(self) -> str:
        """Who is at the other end of the stream."""
        return self._stream.peer()

    def auth_context(self) -> Mapping[str, Any]:
        """What the connection of the stream proves of that."""
        return dict(self._stream.auth_context())

    def time_remaining(self) -> float | None:
        """The seconds until the edge gives up; None if it has not said."""
        if self._deadline is None:
            return None
        return max(0.0, self._deadline - asyncio.get_running_loop().time())

    def trailing_metadata(self) -> Metadata:
        """The trailing metadata so far."""
        return self._trailing

    def set_trailing_metadata(self, trailing_metadata: Metadata) -> None:
        """Replaces the trailing metadata."""
        self._trailing = tuple(trailing_metadata)

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()
    ) -> Never:
        """Ends the call with a status."""
        self._status = code, details
        if trailing_metadata:
            self._trailing = tuple(trailing_metadata)
        raise BundledCallAborted

    def answer(self, response: bytes = b"") -> relay_pb2.Answer:
        """How the call ended: with `response`, unless it was aborted."""
        code, message = self._status
        return relay_pb2.Answer(
            id=self._call.id,
            code=code.value[0],
            message=message,
            response=response,
            trailing_metadata=[
                relay_pb2.Metadatum(key=key, value=_data(value)) for key, value in self._trailing
            ],
        )

    def failed(self, code: grpc.StatusCode, message: str) -> relay_pb2.Answer:
        """How a call ended that nobody had the chance to abort."""
        self._status, self._trailing = (code, message), ()
        return self.answer()


def _value(key: str, value: bytes) -> str | bytes:
    return value if key.endswith(_BINARY) else value.decode("ascii", "replace")


def _data(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()
