"""Leaving a job for the worker."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from server.jobs.model import OutboxRow
from server.platform.clock import Clock, Entropy
from server.platform.database import Transaction


class Outbox:
    """Takes jobs in the transaction of whoever wants them done: both happen, or neither."""

    def __init__(self, *, entropy: Entropy, clock: Clock) -> None:
        self._entropy = entropy
        self._clock = clock

    async def enqueue(
        self, tx: Transaction, kind: str, args: Mapping[str, str], *, due: datetime | None = None
    ) -> UUID:
        """Leaves a job of this kind, to run soon after `tx` commits but not before `due`.

        Jobs run in no particular order. `args` are kept in the clear for as long as the job: they
        name rows, and hold neither secrets nor personal data unless sealed. Returns the job's id.
        """
        now = self._clock.now()
        job_id = self._entropy.identifier()
        job = insert(OutboxRow).values(
            job_id=job_id, kind=kind, args=dict(args), create_time=now, due_time=due or now
        )
        await tx.execute(job)
        return job_id
