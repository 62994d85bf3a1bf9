"""Clears away rows that nobody needs any more."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, Delete, delete, func, inspect, select, tuple_

from server.platform.clock import Clock, Entropy
from server.platform.database import Database, Transaction
from server.platform.tables import Table

# Any number will do as long as nothing else in the database locks it.
_LOCK = 0x737765657073

_BATCH = 1000
_SECONDS_BETWEEN = 600.0
_SECONDS_BEFORE_THE_FIRST = 30.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One kind of row that expires. Slices own their tables, so they bring their sweeps."""

    name: str
    statement: Callable[[datetime, int], Delete]
    """Makes the statement that deletes up to so many rows that have expired by that time."""


def delete_some(row: type[Table], *conditions: ColumnElement[bool], size: int) -> Delete:
    """A statement that deletes up to `size` rows; those that are in use are left for next time."""
    key = inspect(row).primary_key
    found = select(*key).where(*conditions).limit(size).with_for_update(skip_locked=True)
    doomed = found.cte("doomed")
    return (
        delete(row)
        .where(tuple_(*key).in_(select(doomed)))
        .execution_options(synchronize_session=False)
    )


class Cleanup:
    """Sweeps every ten minutes, in batches of a thousand rows, each in its own transaction."""

    def __init__(
        self, *, database: Database, sweeps: Sequence[Sweep], clock: Clock, entropy: Entropy
    ) -> None:
        self._database = database
        self._sweeps = sweeps
        self._clock = clock
        self._entropy = entropy

    async def run(self) -> None:
        """Sweeps until cancelled. Raises `errors.Unavailable`."""
        await asyncio.sleep(self._about(_SECONDS_BEFORE_THE_FIRST))
        while True:
            await self.sweep()
            await asyncio.sleep(self._about(_SECONDS_BETWEEN))

    async def sweep(self) -> None:
        """Deletes all there is to delete, unless another worker is at it.

        Raises `errors.Unavailable`.
        """
        for sweep in self._sweeps:
            total = 0
            while (count := await self._batch(sweep)) > 0:
                total += count
            if total:
                _log.info("cleanup", sweep=sweep.name, deleted=total)

    async def _batch(self, sweep: Sweep) -> int:
        async with self._database.transaction() as tx:
            if not await _alone(tx):
                return 0
            done = await tx.execute(sweep.statement(self._clock.now(), _BATCH))
            return max(0, getattr(done, "rowcount", 0))

    def _about(self, seconds: float) -> float:
        """Up to a fifth more, so that workers that started together do not sweep together."""
        return seconds * (1 + int.from_bytes(self._entropy.token(2)) / 0xFFFF / 5)


async def _alone(tx: Transaction) -> bool:
    return bool(await tx.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))))
