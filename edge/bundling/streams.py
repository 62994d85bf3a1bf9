"""Keeps streams to the cores open."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import grpc.aio
from google.protobuf.message import DecodeError
from structlog.typing import FilteringBoundLogger

from edge.bundling.stream import Stream

_OPENING_SECONDS = 5.0
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 2.0
_LASTED = 10.0
"""Seconds after which a stream that ends is taken to have worked: the next one is not delayed."""


class Streams:
    """A few streams at a time, each replaced when it ends.

    gRPC spreads new streams over all cores. They retire after `lifetime` seconds and more, so that
    a core that joins gets its share; each at an age of its own, so that there is always another.
    """

    def __init__(
        self,
        make: Callable[[], Stream],
        *,
        count: int,
        lifetime: float,
        log: FilteringBoundLogger,
    ) -> None:
        self._make = make
        self._count = count
        self._lifetime = lifetime
        self._log = log
        self._open: list[Stream] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def pick(self) -> Stream | None:
        """The stream with the fewest calls in flight; None while there is none."""
        if len(self._open) == 1:
            return self._open[0]
        return min(self._open, key=_load, default=None)

    def start(self) -> None:
        """Begins to open streams."""
        for number in range(self._count):
            self._spawn(self._keep(self._lifetime * (1 + number / self._count)))

    async def close(self) -> None:
        """Ends all streams, and fails the calls that are in flight on them."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, lifetime: float) -> None:
        """Keeps one stream open, one after the other."""
        now = asyncio.get_running_loop().time
        delay = _FIRST_DELAY
        while True:
            began = now()
            await self._use(self._make(), lifetime)
            if now() - began > _LASTED:
                delay = _FIRST_DELAY
                continue
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY)

    async def _use(self, stream: Stream, lifetime: float) -> None:
        """Returns when a stream takes no more calls. Those in flight may go on for a while."""
        running = self._spawn(self._run(stream))
        if not await _within(_OPENING_SECONDS, stream.opened, running):
            running.cancel()
            return
        self._open.append(stream)
        try:
            await _within(lifetime, stream.retired, running)
        finally:
            self._open.remove(stream)
            stream.retire()

    async def _run(self, stream: Stream) -> None:
        try:
            await stream.run()
        except grpc.aio.AioRpcError as error:
            # A core that is away, or that knows no bundles, is no news: plain calls go on.
            tell = self._log.warning if stream.opened.is_set() else self._log.debug
            tell("bundling_broken", code=error.code().name, detail=error.details())
        except DecodeError:
            self._log.error("bundling_unreadable")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _load(stream: Stream) -> int:
    return stream.load


async def _within(seconds: float, event: asyncio.Event, running: asyncio.Task[None]) -> bool:
    """Whether something happens within a time, while a task runs."""
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait((waiting, running), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    return event.is_set()
