"""Bounds how long a client may take to send a body."""

import asyncio
from http import HTTPStatus

import grpc
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.transcoding.fault import Fault

_FRAMING = (b"content-length", b"transfer-encoding")


class BodyDeadline:
    """Refuses a request with 408 whose body is not there `seconds` after its head.

    Without a bound, a client that sends a byte now and then holds a place among the requests in
    flight for as long as it likes.
    """

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, with a clock on its body."""
        if scope["type"] == "http" and any(name in _FRAMING for name, _ in scope["headers"]):
            receive = self._bounded(receive)
        await self._app(scope, receive, send)

    def _bounded(self, receive: Receive) -> Receive:
        deadline = asyncio.get_running_loop().time() + self._seconds
        whole = False

        async def receive_in_time() -> Message:
            nonlocal whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise _too_slow() from None
            whole = not message.get("more_body", False)
            return message

        return receive_in_time


def _too_slow() -> Fault:
    return Fault(
        HTTPStatus.REQUEST_TIMEOUT,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "REQUEST_TIMEOUT",
        detail="the body did not arrive in time",
        # What is still on its way belongs to no request.
        headers=[(b"connection", b"close")],
    )
