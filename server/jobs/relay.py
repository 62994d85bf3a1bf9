"""Publishes the ids of due jobs to the workers."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from server import errors
from server.jobs import repository
from server.platform.clock import Clock
from server.platform.database import Database
from server.platform.valkey import OUTAGES

_POLL_SECONDS = 1.0
_BATCH = 100
_MOST_PUBLISHED = 500
"""Jobs on the stream at once. The rest wait in PostgreSQL, so that the stream never overflows."""
_FIRST_DELAY = 0.25
_LONGEST_DELAY = 5.0

_log = structlog.get_logger(__name__)


class Relay:
    """Moves job ids from the outbox to the stream, woken by new rows and once a second.

    Several may run: each row is claimed by one of them. A claim is committed before its id is
    published, because a worker that came first would find the row locked. When publishing fails
    the claim is taken back; when the relay dies in between, or the id is lost on its way, the claim
    lapses after `lost_after` and the row is published again. An id too many does no harm.
    """

    def __init__(
        self,
        *,
        database: Database,
        publish: Callable[[Sequence[UUID]], Awaitable[None]],
        clock: Clock,
        lost_after: timedelta = timedelta(seconds=30),
    ) -> None:
        self._database = database
        self._publish = publish
        self._clock = clock
        self._lost_after = lost_after
        self._woken = asyncio.Event()
        database.on_change(self._hear)

    async def run(self) -> None:
        """Relays until cancelled. While PostgreSQL or Valkey is away, tries again and again."""
        delay = _FIRST_DELAY
        while True:
            self._woken.clear()
            try:
                count = await self.relay_due()
                delay = _FIRST_DELAY
            except (errors.Unavailable, *OUTAGES) as error:
                _log.warning("jobs.relay_waits", error=type(error).__name__, seconds=delay)
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_DELAY)
                continue
            if count < _BATCH:
                await self._wait()

    async def relay_due(self) -> int:
        """Publishes one batch of due jobs and returns how many there were.

        Raises `errors.Unavailable` or one of `valkey.OUTAGES`; the batch is then free to be taken.
        """
        job_ids = await self._claim()
        if not job_ids:
            return 0
        try:
            await self._publish(job_ids)
        except BaseException:
            await self._release(job_ids)
            raise
        return len(job_ids)

    async def _claim(self) -> Sequence[UUID]:
        now = self._clock.now()
        stale = now - self._lost_after
        async with self._database.transaction() as tx:
            room = _MOST_PUBLISHED - await repository.count_published(tx, since=stale)
            if room <= 0:
                return []
            size = min(room, _BATCH)
            return await repository.claim_due(tx, now=now, stale=stale, size=size)

    async def _release(self, job_ids: Sequence[UUID]) -> None:
        async with self._database.transaction() as tx:
            await repository.release(tx, job_ids)

    def _hear(self, kind: str, _key: str) -> None:
        if kind == "jobs":
            self._woken.set()

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), _POLL_SECONDS)
