"""Events in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from server.audit.model import EventRow, PendingRow, PlaceRow
from server.platform.database import Transaction
from server.platform.pages import Position

# Any number will do as long as nothing else in the database locks it.
_SEQUENCER_LOCK = 0x6C696D656E617564


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its place in the log, once it has one."""

    event: EventRow
    index: int | None


async def find(tx: Transaction, event_id: UUID) -> Entry | None:
    """The event of this id."""
    return await _one(tx, EventRow.event_id == event_id)


async def find_by_key(tx: Transaction, actor_id: str, event_key: str) -> Entry | None:
    """The event that an actor wrote under a key of theirs."""
    return await _one(tx, (EventRow.actor_id == actor_id) & (EventRow.event_key == event_key))


async def page(
    tx: Transaction,
    *,
    conditions: Sequence[ColumnElement[bool]],
    after: Position | None,
    size: int,
) -> list[Entry]:
    """Up to `size` events that meet all conditions, the newest first."""
    query = (
        _entries()
        .where(*conditions)
        .order_by(EventRow.time.desc(), EventRow.event_id.desc())
        .limit(size)
    )
    if after is not None:
        place = tuple_(EventRow.time, EventRow.event_id)
        query = query.where(place < tuple_(after.moment, after.id))
    return [Entry(event, index) for event, index in await tx.execute(query)]


async def from_index(tx: Transaction, first: int, size: int) -> list[Entry]:
    """Up to `size` events from a place on, in order."""
    query = (
        select(EventRow, PlaceRow.index)
        .join(PlaceRow, PlaceRow.event_id == EventRow.event_id)
        .where(PlaceRow.index >= first)
        .order_by(PlaceRow.index)
        .limit(size)
    )
    return [Entry(event, index) for event, index in await tx.execute(query)]


async def next_index(tx: Transaction) -> int:
    """The place that the next event will take: the size of the log."""
    last = await tx.scalar(select(func.max(PlaceRow.index)))
    return 0 if last is None else last + 1


async def lead(tx: Transaction) -> bool:
    """Whether `tx` may give out places; one transaction at a time may."""
    return bool(await tx.scalar(text(f"SELECT pg_try_advisory_xact_lock({_SEQUENCER_LOCK})")))


async def take_pending(tx: Transaction, size: int) -> list[UUID]:
    """Takes up to `size` events that have no place yet, oldest ids first.

    It takes rows, not ids above the last: transactions commit out of the order of their ids. Only
    the leader may call it; nobody else deletes these rows.
    """
    waiting = select(PendingRow.event_id).order_by(PendingRow.event_id).limit(size)
    taken = (
        delete(PendingRow)
        .where(PendingRow.event_id.in_(waiting.scalar_subquery()))
        .returning(PendingRow.event_id)
    )
    return sorted((await tx.scalars(taken)).all())


async def place(tx: Transaction, first: int, event_ids: Sequence[UUID]) -> None:
    """Gives the events consecutive places from `first` on."""
    rows = [{"index": first + n, "event_id": event_id} for n, event_id in enumerate(event_ids)]
    await tx.execute(insert(PlaceRow), rows)


def _entries() -> Select[EventRow, int]:
    return select(EventRow, PlaceRow.index).outerjoin(
        PlaceRow, PlaceRow.event_id == EventRow.event_id
    )


async def _one(tx: Transaction, condition: ColumnElement[bool]) -> Entry | None:
    row = (await tx.execute(_entries().where(condition))).first()
    return Entry(row[0], row[1]) if row else None
