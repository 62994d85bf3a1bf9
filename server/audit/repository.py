"""Events in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select, tuple_

from server.audit.model import EventRow, PlaceRow
from server.platform.database import Transaction
from server.platform.pages import Position

# Any number will do as long as nothing else in the database locks it.
_SEQUENCER_LOCK = 0x6C696D656E617564

_LEAD = "SELECT pg_try_advisory_xact_lock($1)"

_NEXT_INDEX = "SELECT coalesce(max(index) + 1, 0) FROM audit.places"

_TAKE_PENDING = """
    DELETE FROM audit.pending WHERE event_id IN (
        SELECT event_id FROM audit.pending ORDER BY event_id LIMIT $1
    )
    RETURNING event_id
"""

_PLACE = """
    INSERT INTO audit.places (index, event_id)
    SELECT $1 + number - 1, event_id
    FROM unnest($2::uuid[]) WITH ORDINALITY AS placed (event_id, number)
"""


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
    size: int = await tx.pg.fetchval(_NEXT_INDEX)
    return size


async def lead(tx: Transaction) -> bool:
    """Whether `tx` may give out places; one transaction at a time may."""
    return bool(await tx.pg.fetchval(_LEAD, _SEQUENCER_LOCK))


async def take_pending(tx: Transaction, size: int) -> list[UUID]:
    """Takes up to `size` events that have no place yet, oldest ids first.

    It takes rows, not ids above the last: transactions commit out of the order of their ids. Only
    the leader may call it; nobody else deletes these rows.
    """
    return sorted(row["event_id"] for row in await tx.pg.fetch(_TAKE_PENDING, size))


async def place(tx: Transaction, first: int, event_ids: Sequence[UUID]) -> None:
    """Gives the events consecutive places from `first` on."""
    await tx.pg.execute(_PLACE, first, event_ids)


def _entries() -> Select[EventRow, int]:
    return select(EventRow, PlaceRow.index).outerjoin(
        PlaceRow, PlaceRow.event_id == EventRow.event_id
    )


async def _one(tx: Transaction, condition: ColumnElement[bool]) -> Entry | None:
    row = (await tx.execute(_entries().where(condition))).first()
    return Entry(row[0], row[1]) if row else None
