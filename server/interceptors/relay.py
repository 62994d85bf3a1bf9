"""Takes calls that the edge sends in bundles: many for the price of one."""

import asyncio
from collections.abc import AsyncIterator

from limen.relay.v1 import relay_pb2, relay_pb2_grpc
from server.interceptors.answers import Answers
from server.interceptors.call import Context
from server.interceptors.chain import Chain
from server.interceptors.relaying import Places, Relaying, Requests


class RelayServicer(relay_pb2_grpc.RelayServiceServicer):
    """Answers the one RPC of the relay. The chain has made sure that the edge calls."""

    def __init__(self, *, chain: Chain, max_bytes: int, max_in_flight: int) -> None:
        """`max_bytes` bounds every message, `max_in_flight` the calls that run at once."""
        self._chain = chain
        self._max_bytes = max_bytes
        self._places = Places(max_in_flight)
        self._open: set[Answers] = set()
        self._closing = False

    async def Relay(  # noqa: N802 - the name of the RPC
        self, request_iterator: Requests, context: Context
    ) -> AsyncIterator[relay_pb2.RelayResponse]:
        """Serves one stream until the edge ends it and every call is answered."""
        yield relay_pb2.RelayResponse(opening=relay_pb2.Opening(max_bytes=self._max_bytes))
        answers = Answers(max_bytes=self._max_bytes)
        calls = Relaying(chain=self._chain, places=self._places, answers=answers, context=context)
        self._open.add(answers)
        if self._closing:
            answers.announce_closing()
        reading = asyncio.create_task(calls.read(request_iterator))
        try:
            async for bundle in answers.bundles():
                yield bundle
            await reading
        finally:
            reading.cancel()
            self._open.discard(answers)
            await asyncio.gather(reading, calls.give_up(), return_exceptions=True)

    def close(self) -> None:
        """Asks every edge to call elsewhere. Its streams end once they are answered."""
        self._closing = True
        for answers in self._open:
            answers.announce_closing()
