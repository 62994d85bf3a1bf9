"""HTTP/1.1 on one connection: uvicorn's protocol, with bounds on the head of a request.

uvicorn lets a head be of any size and take any time, so that a few slow clients could hold all
connections, and answers in plain text what it cannot parse.
"""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

import grpc
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from edge.facts import Facts
from edge.gathering import GatheringTransport
from edge.problems import Problems
from edge.secure_headers import Header, complete
from edge.transcoding.fault import Fault


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one connection, and all of them, may take."""

    head_bytes: int
    head_seconds: float
    connections: int


class _HeadTooLargeError(Exception):
    """The head of a request has more bytes than it may."""


class BoundedProtocol(HttpToolsProtocol):
    """Refuses heads that are too large (431), too slow (408) or malformed (400), and connections
    beyond the bound (503), each with a problem document, and then closes the connection.
    """

    bounds: ClassVar[Bounds]
    problems: ClassVar[Problems]
    defaults: ClassVar[Sequence[Header]]

    _head_timer: asyncio.TimerHandle | None = None
    _head_size = 0
    _is_too_large = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begins to wait for a head, if there is room."""
        super().connection_made(
            GatheringTransport(transport, self.loop)  # type: ignore[arg-type]  # it passes for one
        )
        self._head_timer = self.loop.call_later(self.bounds.head_seconds, self._give_up)
        if len(self.connections) > self.bounds.connections:
            self._refuse(
                HTTPStatus.SERVICE_UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"
            )

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops waiting."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes the next bytes; a head may come in many pieces."""
        self._head_size += len(data)
        super().data_received(data)
        if self._head_timer is not None and self._head_size > self.bounds.head_bytes:
            self._is_too_large = True
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """Begins to wait for the rest of a head."""
        super().on_message_begin()
        if self._head_timer is None:
            self._head_size = 0
            self._head_timer = self.loop.call_later(self.bounds.head_seconds, self._give_up)

    def on_headers_complete(self) -> None:
        """Lets the request through if its head is of a fair size."""
        self._stop_timer()
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self.bounds.head_bytes:
            self._is_too_large = True
            raise _HeadTooLargeError
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's text, in our words
        """Refuses what is no acceptable head. uvicorn calls this for every error of its parser."""
        if self._is_too_large:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "REQUEST_TOO_LARGE",
            )
        else:
            self._refuse(
                HTTPStatus.BAD_REQUEST, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"
            )

    def _unsupported_upgrade_warning(self) -> None:
        """Says nothing: anybody may ask for another protocol, and gets the answer of this one."""

    def _give_up(self) -> None:
        self._head_timer = None
        self._refuse(
            HTTPStatus.REQUEST_TIMEOUT, grpc.StatusCode.DEADLINE_EXCEEDED, "REQUEST_TIMEOUT"
        )

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: HTTPStatus, code: grpc.StatusCode, reason: str) -> None:
        self._stop_timer()
        if self.transport.is_closing():
            return
        facts = Facts(request_id=uuid.uuid4().hex, method="")
        answer = self.problems.of(Fault(status, code, reason), facts)
        headers = [
            *self.server_state.default_headers,
            *complete(answer.headers, self.defaults),
            (b"x-request-id", facts.request_id.encode("ascii")),
            (b"connection", b"close"),
        ]
        head = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        status_line = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode("ascii")
        self.transport.write(status_line + head + b"\r\n" + answer.body)
        self.transport.close()


def bounded_protocol(
    bounds: Bounds, problems: Problems, defaults: Sequence[Header] = ()
) -> type[BoundedProtocol]:
    """The protocol with its bounds, in the form that uvicorn takes: a class.

    `defaults` are headers of every answer that comes from here.
    """
    own = {"bounds": bounds, "problems": problems, "defaults": defaults}
    return type("LimenProtocol", (BoundedProtocol,), own)
