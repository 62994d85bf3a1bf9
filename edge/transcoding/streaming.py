"""Serves RPCs with a stream of responses."""

from http import HTTPStatus
from typing import Literal

import grpc

from edge.transcoding.asgi import Headers
from edge.transcoding.exchange import Exchange
from edge.transcoding.fault import Fault
from edge.transcoding.feed import Feed, Pause
from edge.transcoding.framing import LINES, Framing, choose
from edge.transcoding.frontier import Frontier, Metadata
from edge.transcoding.response import ResponseReader

_Event = bytes | Literal[Pause.SILENCE, Pause.END]


class BrokenStreamError(Exception):
    """An answer had to be left incomplete. The HTTP server must drop the connection to say so."""


class StreamServing:
    """Serves one RPC with a stream of responses.

    A call that fails before its first response, or within `silent_start` seconds, has the status
    of its error. Later the status is 200 already, and the error becomes the end of the stream.
    After `heartbeat` seconds without a response the client is shown that the stream is alive.
    """

    def __init__(
        self,
        rpc: grpc.aio.UnaryStreamMultiCallable[bytes, bytes],
        responses: ResponseReader,
        frontier: Frontier,
        *,
        heartbeat: float,
        silent_start: float,
    ) -> None:
        self._rpc = rpc
        self._responses = responses
        self._frontier = frontier
        self._heartbeat = heartbeat
        self._silent_start = silent_start

    async def serve(self, exchange: Exchange) -> None:
        """Call the server and send what it responds for as long as it does.

        Raises:
            grpc.aio.AioRpcError: The call failed before the answer had begun.
            Fault: Likewise, for a response that cannot be read.
            BrokenStreamError: The call failed later, and the stream has no place for errors.
            ClientGoneError: The client hung up; the call has been cancelled.
        """
        framing = LINES if self._responses.is_raw else choose(exchange.accept)
        call = exchange.call(self._rpc)
        feed = Feed(call, exchange.receive)
        try:
            event = await self._first(feed)
            # Before the first response none may have come, and waiting for it would be silence.
            known = () if event is Pause.SILENCE else await call.initial_metadata()
            await self._begin(exchange, framing, event, tuple(known))
            if exchange.is_head:
                await _send(exchange, b"", more=False)
            else:
                await self._relay(exchange, framing, feed, event)
        finally:
            feed.close()

    async def _first(self, feed: Feed) -> _Event:
        event = await feed.next(self._silent_start)
        while event is Pause.SILENCE and self._responses.is_raw:
            # Without a response the media type is not known yet.
            event = await feed.next(self._heartbeat)
        return event

    async def _begin(
        self, exchange: Exchange, framing: Framing, event: _Event, metadata: Metadata
    ) -> None:
        media_type = framing.media_type
        if self._responses.is_raw:
            media_type = self._responses.read(b"" if isinstance(event, Pause) else event).media_type
        headers: Headers = [(b"content-type", media_type)]
        headers += self._frontier.answer_headers(exchange.scope, metadata)
        if all(name != b"cache-control" for name, _ in headers):
            headers.append((b"cache-control", b"no-store"))
        await exchange.send(
            {"type": "http.response.start", "status": HTTPStatus.OK.value, "headers": headers}
        )

    async def _relay(self, exchange: Exchange, framing: Framing, feed: Feed, event: _Event) -> None:
        end = b""
        try:
            while event is not Pause.END:
                await _send(exchange, self._chunk(framing, event))
                event = await feed.next(self._heartbeat)
        except (Fault, grpc.aio.AioRpcError) as error:
            if self._responses.is_raw:
                raise BrokenStreamError(str(error)) from error
            end = framing.error(self._frontier.problem(exchange.scope, error).body)
        await _send(exchange, end, more=False)

    def _chunk(self, framing: Framing, event: _Event) -> bytes:
        if isinstance(event, Pause):
            return b"" if self._responses.is_raw else framing.heartbeat
        data = self._responses.read(event).data
        return data if self._responses.is_raw else framing.message(data)


async def _send(exchange: Exchange, chunk: bytes, *, more: bool = True) -> None:
    # An empty chunk would say nothing, unless it is the last.
    if chunk or not more:
        await exchange.send({"type": "http.response.body", "body": chunk, "more_body": more})
