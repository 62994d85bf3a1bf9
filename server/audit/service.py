"""Reading the log, and writing to it from other services."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from server import errors
from server.audit import listing, repository
from server.audit.actions import Outcome
from server.audit.recorder import NOBODY, Recorder, Subject
from server.audit.repository import Entry
from server.caller import Caller
from server.platform import filters
from server.platform.database import Database
from server.platform.pages import DEFAULT_SIZE, Pages, Position

_LIST = "events"
_BATCH = 500
_LOOK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ForeignEvent:
    """What another service wants in the log."""

    action: str
    outcome: Outcome
    subject: Subject = NOBODY
    details: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    """A key of the caller's own; the same key writes one event. Empty: none."""


class AuditService:
    """Lists, returns, records and streams events."""

    def __init__(self, *, database: Database, recorder: Recorder, pages: Pages) -> None:
        self._database = database
        self._recorder = recorder
        self._pages = pages
        self._watchers: set[asyncio.Event] = set()
        self._closing = False
        database.on_change(self._changed)

    async def page(
        self, *, filter_text: str, page_size: int, token: str
    ) -> tuple[list[Entry], str]:
        """One page of events, and the token of the next page or ''."""
        size = page_size or DEFAULT_SIZE
        position = self._pages.position(_LIST, filter_text, token)
        conditions = filters.parse(filter_text, listing.FIELDS)
        async with self._database.transaction() as tx:
            found = await repository.page(
                tx,
                conditions=conditions,
                after=Position.unpack(position) if position else None,
                size=size + 1,
            )
        if len(found) <= size:
            return found, ""
        return found[:size], self._pages.token(
            _LIST, filter_text, _position(found[size - 1]).pack()
        )

    async def get(self, event_id: UUID) -> Entry:
        """Returns one event. Raises `errors.NotFound`."""
        async with self._database.transaction() as tx:
            return _found(await repository.find(tx, event_id))

    async def record(self, caller: Caller, event: ForeignEvent) -> Entry:
        """Writes an event of another service; a repeated key returns the event it wrote first."""
        actor = str(caller.signed_in().user_id)
        async with self._database.transaction() as tx:
            event_id = await self._recorder.record_foreign(
                tx,
                caller,
                action=event.action,
                outcome=event.outcome,
                subject=event.subject,
                details=event.details,
                event_key=event.key or None,
            )
            if event_id is None:
                return _found(await repository.find_by_key(tx, actor, event.key))
            return _found(await repository.find(tx, event_id))

    async def watch(self, first_index: int | None) -> AsyncIterator[Entry]:
        """Events in the order of their places, without a gap, for as long as they are wanted.

        Starts at `first_index`, or with the first event added from now on. Raises
        `errors.Unavailable` when this process stops: another one goes on from the next index.
        """
        added = asyncio.Event()
        self._watchers.add(added)
        try:
            following = await self._start(first_index)
            while not self._closing:
                added.clear()
                for entry in await self._read(following):
                    yield entry
                    following = _index(entry) + 1
                    added.set()
                if not added.is_set():
                    await self._wait(added)
            raise errors.Unavailable(retry_after=1.0)
        finally:
            self._watchers.discard(added)

    def close(self) -> None:
        """Ends every stream."""
        self._closing = True
        for added in self._watchers:
            added.set()

    async def _start(self, first_index: int | None) -> int:
        if first_index is not None:
            return first_index
        async with self._database.transaction() as tx:
            return await repository.next_index(tx)

    async def _read(self, first: int) -> list[Entry]:
        async with self._database.transaction() as tx:
            return await repository.from_index(tx, first, _BATCH)

    @staticmethod
    async def _wait(added: asyncio.Event) -> None:
        """Waits for news, and looks again after a second in case the news was lost."""
        try:
            await asyncio.wait_for(added.wait(), _LOOK_AGAIN_SECONDS)
        except TimeoutError:
            return

    def _changed(self, kind: str, _key: str) -> None:
        if kind == "audit":
            for added in self._watchers:
                added.set()


def _found(entry: Entry | None) -> Entry:
    if entry is None:
        raise errors.NotFound(resource="event")
    return entry


def _index(entry: Entry) -> int:
    if entry.index is None:
        raise LookupError("an event without a place was read by place")
    return entry.index


def _position(entry: Entry) -> Position:
    return Position(entry.event.time, entry.event.event_id)
