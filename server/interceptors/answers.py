"""Answers on their way to the edge."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from limen.relay.v1 import relay_pb2

MOST_ANSWERS = 256
WANTED_BYTES = 64 * 1024
"""A bundle that is as large as this is large enough: what it saves is saved."""

_MOST_WAITING = 1024
_MOST_WAITING_BYTES = 1024 * 1024
_FRAMING = 16
"""More than the bytes that the place of one answer in a bundle takes."""


class Answers:
    """Collects answers while the last bundle is being written, and makes the next one of them."""

    def __init__(self, *, max_bytes: int) -> None:
        """`max_bytes` is the greatest message that the core can send."""
        self._max_bytes = max_bytes
        self._waiting: deque[tuple[relay_pb2.Answer, int]] = deque()
        self._waiting_bytes = 0
        self._notice = False
        self._complete = False
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def limit(self, max_bytes: int) -> None:
        """Takes note of what the edge can receive."""
        self._max_bytes = min(self._max_bytes, max_bytes)

    def fits(self, answer: relay_pb2.Answer) -> bool:
        """Whether an answer can be sent at all."""
        return answer.ByteSize() + _FRAMING <= self._max_bytes

    def put(self, answer: relay_pb2.Answer) -> None:
        """Sends an answer, soon."""
        size = answer.ByteSize() + _FRAMING
        self._waiting.append((answer, size))
        self._waiting_bytes += size
        if self._is_crowded():
            self._room.clear()
        self._news.set()

    def announce_closing(self) -> None:
        """Sends word that the core stops, soon."""
        self._notice = True
        self._news.set()

    def complete(self) -> None:
        """Says that nothing more will come."""
        self._complete = True
        self._news.set()

    async def room(self) -> None:
        """Returns once not too many answers wait for an edge that reads slowly."""
        await self._room.wait()

    async def bundles(self) -> AsyncIterator[relay_pb2.RelayResponse]:
        """Whatever is there to be sent at a time, until it is complete."""
        while self._waiting or self._notice or not self._complete:
            if self._waiting or self._notice:
                yield self._bundle()
            else:
                self._news.clear()
                await self._news.wait()

    def _bundle(self) -> relay_pb2.RelayResponse:
        answers: list[relay_pb2.Answer] = []
        wanted = min(WANTED_BYTES, self._max_bytes)
        size = 0
        while self._waiting and len(answers) < MOST_ANSWERS:
            answer, more = self._waiting[0]
            if answers and size + more > wanted:
                break
            self._waiting.popleft()
            size += more
            answers.append(answer)
        self._waiting_bytes -= size
        if not self._is_crowded():
            self._room.set()
        closing, self._notice = self._notice, False
        return relay_pb2.RelayResponse(answers=answers, closing=closing)

    def _is_crowded(self) -> bool:
        return len(self._waiting) > _MOST_WAITING or self._waiting_bytes > _MOST_WAITING_BYTES
