"""Giving every event its place in the log: dense, in batches, by one leader at a time."""

import asyncio

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from server import errors
from server.audit import repository
from server.platform.database import Database

_BATCH = 5000
_PAUSE_SECONDS = 0.1
_OUTAGE_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class Sequencer:
    """Moves events from pending to placed. Any number may run; a database lock lets one work."""

    def __init__(self, *, database: Database, registry: CollectorRegistry) -> None:
        self._database = database
        self._placed = Counter(
            "limen_audit_events_placed", "Events that got their place.", registry=registry
        )
        self._size = Gauge("limen_audit_log_size", "Events in the log.", registry=registry)

    async def run(self) -> None:
        """Gives out places every tenth of a second. Runs until cancelled."""
        while True:
            try:
                count = await self.place_pending()
            except errors.Unavailable:
                _log.warning("sequencer.waiting")
                await asyncio.sleep(_OUTAGE_SECONDS)
                continue
            if count < _BATCH:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def place_pending(self) -> int:
        """Gives places to the events that wait for one. Returns how many there were."""
        async with self._database.transaction() as tx:
            if not await repository.lead(tx):
                return 0
            event_ids = await repository.take_pending(tx, _BATCH)
            if not event_ids:
                return 0
            first = await repository.next_index(tx)
            await repository.place(tx, first, event_ids)
        self._placed.inc(len(event_ids))
        self._size.set(first + len(event_ids))
        return len(event_ids)
