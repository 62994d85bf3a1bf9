"""Revocations as they happen, for services that verify access tokens themselves.

One reader in each process follows the log and tells all watchers. Notices of `platform.changes` say
when there is something to read; it looks twice a second all the same, and each look is told as a
sign of life, so that a watcher who hears nothing for a while knows that it does not know.

A watcher is told of every revocation at least once. It subscribes before it reads its backlog, so
what the backlog cannot show yet is committed later, and the reader, which never passes a
transaction that still runs, tells of it then.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import structlog

from server import errors
from server.auth import revocation_log
from server.auth.revocation_log import Page, Place, Revocation
from server.auth.subscription import News, Subscription
from server.platform.database import Database

_LOOK_EVERY = 0.5
_RETRY_AFTER = 1.0

_TELL_OF_KEYS = (0.0, 0.5, 1.0)
"""When to tell of changed keys, in seconds after the change. Another process, which the watcher may
ask for them, can be later to hear of it than this one."""

_log = structlog.get_logger(__name__)


class Revocations:
    """Follows the log for the watchers of this process."""

    def __init__(self, *, database: Database, hears_all: Callable[[], bool]) -> None:
        """`hears_all` says whether notices of changes arrive; only then are there signs of life."""
        self._database = database
        self._hears_all = hears_all
        self._subscriptions: set[Subscription] = set()
        self._place: Place | None = None
        self._told: dict[int, int] = {}
        """The transactions of rows that were told and will be read again, by id of the row."""
        self._tell_of_keys: list[float] = []
        self._is_closing = False
        self._is_following = asyncio.Event()
        self._news = asyncio.Event()
        database.on_change(self._changed)

    async def watch(self, cursor: str) -> AsyncIterator[News]:
        """What was revoked since `cursor`, and from then on what is revoked.

        Begins with all that matters still when the cursor is empty, or of another run of the
        database. Raises `errors.Unavailable` when this process stops or cannot keep up with the
        watcher: the newest cursor goes on from there.
        """
        subscription = Subscription()
        self._subscriptions.add(subscription)
        if self._is_closing:
            subscription.end()
        try:
            await self._is_following.wait()
            async for news in self._backlog(Place.unpack(cursor)):
                yield news
            while True:
                yield await subscription.next()
        finally:
            self._subscriptions.discard(subscription)

    async def run(self) -> None:
        """Follows the log until cancelled."""
        while True:
            # Before the look: what comes during it may be too late for it.
            self._news.clear()
            try:
                await self._look()
            except errors.Unavailable:
                _log.warning("revocations.silent")
                await asyncio.sleep(_RETRY_AFTER)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), _LOOK_EVERY)

    def keys_changed(self) -> None:
        """Tells watchers that the keys are to be read anew."""
        now = asyncio.get_running_loop().time()
        self._tell_of_keys = [now + later for later in _TELL_OF_KEYS]
        self._news.set()

    def close(self) -> None:
        """Ends every stream."""
        self._is_closing = True
        self._is_following.set()
        for subscription in self._subscriptions:
            subscription.end()

    async def _backlog(self, since: Place | None) -> AsyncIterator[News]:
        async for page in revocation_log.pages(self._database, since):
            if self._is_closing:
                raise errors.Unavailable(retry_after=_RETRY_AFTER)
            cursor = page.place.pack() if page.is_last else ""
            # Nobody has kept a note of the keys that this watcher knows.
            yield News(page.rows, cursor, keys_changed=page.is_last)

    async def _look(self) -> None:
        """Reads on, and tells what is new."""
        if self._place is None:
            self._place = await revocation_log.present(self._database)
            self._is_following.set()
        async for page in revocation_log.pages(self._database, self._place):
            if page.place.run != self._place.run:
                self._told.clear()
            new = [row for row in page.rows if row.revocation_id not in self._told]
            self._told.update((row.revocation_id, row.xid) for row in new)
            self._tell(new, page)
            if page.is_last:
                self._reach(page.place)

    def _tell(self, new: list[Revocation], page: Page) -> None:
        keys_changed = page.is_last and self._is_time_to_tell_of_keys()
        if not (new or keys_changed or (page.is_last and self._hears_all())):
            return
        cursor = page.place.pack() if page.is_last else ""
        for subscription in self._subscriptions:
            subscription.tell(new, cursor, keys_changed=keys_changed)

    def _is_time_to_tell_of_keys(self) -> bool:
        now, planned = asyncio.get_running_loop().time(), self._tell_of_keys
        self._tell_of_keys = [moment for moment in planned if moment > now]
        return len(self._tell_of_keys) < len(planned)

    def _reach(self, place: Place) -> None:
        self._place = place
        # What older transactions wrote is not read again.
        self._told = {row: xid for row, xid in self._told.items() if xid >= place.xmin}

    def _changed(self, kind: str, _key: str) -> None:
        if kind == "revocation" and self._subscriptions:
            self._news.set()
