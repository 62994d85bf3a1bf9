"""Bounds how many requests are worked on at once."""

from http import HTTPStatus

import grpc
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.transcoding.fault import Fault

# Whether the process lives must be answered at its busiest, or it is restarted for being busy.
_ALWAYS_ADMITTED = "/healthz"


class Admission:
    """Refuses requests with 503 while `limit` others are in flight.

    An early refusal costs little; an endless queue makes every answer late and the memory run out.
    A stream gives its place back once it flows: it holds a connection, but no work and no memory
    to speak of, and would keep its place for hours.
    """

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app = app
        self._free = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] != "http" or scope["path"] == _ALWAYS_ADMITTED:
            await self._app(scope, receive, send)
            return
        if self._free <= 0:
            raise _full()
        self._free -= 1
        holds_place = True

        async def send_and_yield(message: Message) -> None:
            nonlocal holds_place
            if holds_place and message.get("more_body"):
                holds_place = False
                self._free += 1
            await send(message)

        try:
            await self._app(scope, receive, send_and_yield)
        finally:
            self._free += holds_place


def _full() -> Fault:
    return Fault(
        HTTPStatus.SERVICE_UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "OVERLOADED",
        "too many requests are in flight",
        headers=[(b"retry-after", b"1")],
    )
