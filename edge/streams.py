"""Ends streams when the edge stops."""

import asyncio
from http import HTTPStatus

import grpc
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.lifecycle import Lifecycle
from edge.transcoding.fault import Fault


class EndingStreams:
    """Ends every stream at the moment the edge begins to close.

    A stream never ends by itself. Ended so, it leaves the client time to go on with another edge,
    and the edge need not wait for it.
    """

    def __init__(self, app: ASGIApp, *, lifecycle: Lifecycle) -> None:
        self._app = app
        self._lifecycle = lifecycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, with an end to its stream."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        ending = _Ending(scope, receive, send, self._lifecycle.closing)
        await self._app(scope, ending.receive, ending.send)
        await ending.finish()


class _Ending:
    """Tells a stream that its client has gone, once `closing` is set."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, closing: asyncio.Event) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._closing = closing
        self._has_begun = False
        self._is_open = True
        self._was_told = False

    async def send(self, message: Message) -> None:
        """Sends a part of the answer on."""
        is_head = message["type"] == "http.response.start"
        self._has_begun = True
        self._is_open = is_head or message.get("more_body", False)
        await self._send(message)

    async def finish(self) -> None:
        """Gives the client, which has not gone, the end that the stream left out.

        Raises:
            Fault: The answer had not begun.
        """
        if not self._was_told or not self._is_open:
            return
        if not self._has_begun:
            raise Fault(
                HTTPStatus.SERVICE_UNAVAILABLE,
                grpc.StatusCode.UNAVAILABLE,
                "UNAVAILABLE",
                "the edge is about to stop",
                headers=[(b"retry-after", b"1")],
            )
        await self._send({"type": "http.response.body"})

    async def receive(self) -> Message:
        """The next message of the client, or that it has gone."""
        route = self._scope["state"].get("route")
        if route is None or not route.server_streaming:
            return await self._receive()
        message = asyncio.ensure_future(self._receive())
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait((message, closing), return_when=asyncio.FIRST_COMPLETED)
            if message.done():
                return message.result()
            self._was_told = True
            return {"type": "http.disconnect"}
        finally:
            message.cancel()
            closing.cancel()
