"""One HTTP request that has been understood, on its way to the server."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

import grpc

from edge.transcoding.asgi import Receive, Scope, Send
from edge.transcoding.fault import Fault
from edge.transcoding.frontier import Metadata

Call = TypeVar("Call")


@dataclass(slots=True)
class Exchange:
    """The two sides of a call: the client over ASGI, and what the server is to get."""

    scope: Scope
    receive: Receive
    send: Send
    request: bytes
    """The serialized request message."""
    metadata: Metadata
    timeout: float | None
    """In seconds."""
    accept: bytes

    @property
    def is_head(self) -> bool:
        """Whether the client wants the headers alone."""
        return bool(self.scope["method"] == "HEAD")

    def call(self, rpc: Callable[..., Call]) -> Call:
        """Send the request to the server.

        Raises:
            Fault: The connection has been closed, as it is when the program ends.
        """
        try:
            return rpc(self.request, metadata=self.metadata, timeout=self.timeout)
        except grpc.aio.UsageError as error:
            raise Fault(
                HTTPStatus.SERVICE_UNAVAILABLE,
                grpc.StatusCode.UNAVAILABLE,
                "UNAVAILABLE",
                "the connection to the server is closed",
            ) from error
