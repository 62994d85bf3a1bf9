"""Jobs in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Update, and_, func, or_, select, update

from server.jobs.model import OutboxRow
from server.platform.database import Transaction

_OPEN = and_(OutboxRow.done_time.is_(None), OutboxRow.dead_time.is_(None))


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much work there is."""

    due: int
    later: int
    dead: int
    oldest_due: datetime | None
    """When the job that has waited longest became due."""


# For the relay


async def count_published(tx: Transaction, *, since: datetime) -> int:
    """How many open jobs were published since then."""
    published = select(func.count()).where(_OPEN, OutboxRow.publish_time >= since)
    return await tx.scalar(published) or 0


async def claim_due(
    tx: Transaction, *, now: datetime, stale: datetime, size: int
) -> Sequence[UUID]:
    """Marks up to `size` due jobs as published, the longest due first, and returns their ids.

    Takes those that were not published yet, or before `stale` to no effect. Jobs that are running
    at this moment are passed over.
    """
    unheard = or_(OutboxRow.publish_time.is_(None), OutboxRow.publish_time < stale)
    due = (
        select(OutboxRow.job_id)
        .where(_OPEN, OutboxRow.due_time <= now, unheard)
        .order_by(OutboxRow.due_time, OutboxRow.job_id)
        .limit(size)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    claim = _change(OutboxRow.job_id.in_(select(due.c.job_id))).values(publish_time=now)
    return (await tx.scalars(claim.returning(OutboxRow.job_id))).all()


async def release(tx: Transaction, job_ids: Sequence[UUID]) -> None:
    """Takes back that jobs were published."""
    await tx.execute(_change(OutboxRow.job_id.in_(job_ids), _OPEN).values(publish_time=None))


# For the runner


async def begin(tx: Transaction, job_id: UUID) -> OutboxRow | None:
    """Counts an attempt.

    None when there is nothing to attempt: the job is done, dead, put off or running elsewhere.
    """
    begun = _change(_free(job_id)).values(attempts=OutboxRow.attempts + 1)
    row: OutboxRow | None = await tx.scalar(begun.returning(OutboxRow))
    return row


async def finish(tx: Transaction, job_id: UUID, now: datetime) -> bool:
    """Marks a job as done and holds it until `tx` ends. False as for `begin`."""
    done = _change(_free(job_id)).values(done_time=now).returning(OutboxRow.job_id)
    return await tx.scalar(done) is not None


async def put_off(tx: Transaction, job_id: UUID, *, until: datetime, error: str) -> None:
    """Makes an open job due again later."""
    await tx.execute(
        _change(OutboxRow.job_id == job_id, _OPEN).values(
            due_time=until, publish_time=None, last_error=error
        )
    )


async def bury(tx: Transaction, job_id: UUID, *, now: datetime, error: str) -> None:
    """Gives an open job up."""
    await tx.execute(
        _change(OutboxRow.job_id == job_id, _OPEN).values(dead_time=now, last_error=error)
    )


# For the metrics


async def backlog(tx: Transaction, now: datetime) -> Backlog:
    """Counts the jobs that are not done."""
    is_due = OutboxRow.due_time <= now
    of_open = select(
        func.count().filter(is_due),
        func.count().filter(~is_due),
        func.min(OutboxRow.due_time).filter(is_due),
    ).where(_OPEN)
    due, later, oldest = (await tx.execute(of_open)).one()
    dead = select(func.count()).where(OutboxRow.dead_time.is_not(None))
    return Backlog(due, later, await tx.scalar(dead) or 0, oldest)


def _free(job_id: UUID) -> ColumnElement[bool]:
    """Whether a job is published, open and not running; it is then locked."""
    free = (
        select(OutboxRow.job_id)
        .where(OutboxRow.job_id == job_id, _OPEN, OutboxRow.publish_time.is_not(None))
        .with_for_update(skip_locked=True)
        .cte("free")
    )
    return OutboxRow.job_id.in_(select(free.c.job_id))


def _change(*conditions: ColumnElement[bool]) -> Update:
    return update(OutboxRow).where(*conditions).execution_options(synchronize_session=False)
