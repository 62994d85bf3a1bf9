"""Serves RPCs with one response."""

import asyncio
from http import HTTPStatus
from itertools import chain

from edge.transcoding.body import ClientGoneError
from edge.transcoding.channel import UnaryRpc
from edge.transcoding.exchange import Exchange
from edge.transcoding.frontier import Answer, Frontier
from edge.transcoding.response import ResponseReader
from edge.transcoding.vigil import Vigil


class UnaryServing:
    """Serves one RPC with one response."""

    def __init__(
        self,
        rpc: UnaryRpc,
        responses: ResponseReader,
        frontier: Frontier,
    ) -> None:
        self._rpc = rpc
        self._responses = responses
        self._frontier = frontier

    async def serve(self, exchange: Exchange) -> Answer:
        """Call the server and return the answer that its response makes.

        Raises:
            grpc.aio.AioRpcError: The call failed.
            Fault: The response cannot be read.
            ClientGoneError: The client hung up; the call has been cancelled.
        """
        call = exchange.call(self._rpc)
        with Vigil(call, exchange.receive) as vigil:
            try:
                response = await call
            except asyncio.CancelledError:
                if vigil.client_gone:
                    raise ClientGoneError from None
                raise
        content = self._responses.read(response)
        # A chain, for metadata is slow to tell its own length.
        metadata = tuple(chain(await call.initial_metadata(), await call.trailing_metadata()))
        headers = [
            (b"content-type", content.media_type),
            (b"content-length", b"%d" % len(content.data)),
            *self._frontier.answer_headers(exchange.scope, metadata),
        ]
        return Answer(HTTPStatus.OK, headers, content.data)
