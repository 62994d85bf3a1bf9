"""The log of revocations in PostgreSQL, read without a gap.

Triggers add a row in the transaction that ends a session or an API key, together with the id of
that transaction. Transactions end in another order than they began, so a place in the log is not
the last row that was read but the oldest transaction that still ran then (`pg_snapshot_xmin`):
whatever could not be seen yet belongs to that one or to a younger one.

Transaction ids mean something only to the server that gave them out: after a restore or a failover
they may come again. A place therefore names the run of the server it belongs to.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from server import errors
from server.auth.tokens import LONGEST_LIFETIME
from server.platform.database import Database

BATCH = 1000

REMEMBERED_FOR = LONGEST_LIFETIME + timedelta(minutes=1)
"""How long a revocation matters: longer than any token that was issued before it, whatever
`LIMEN_ACCESS_TOKEN_TTL` was then, and a minute for clocks that disagree."""

_PLACE = re.compile(r"([0-9a-f]{32})\.([0-9]{1,19})")
_GREATEST = 2**63 - 1
_BEGINNING = (0, 0)
_RETRY_AFTER = 1.0

_READ = """
    SELECT present.run, present.xmin, found.* FROM (
        SELECT left(encode(sha256(convert_to(
                   extract(epoch FROM pg_postmaster_start_time()) || ' ' || current_database(),
                   'UTF8'
               )), 'hex'), 32) AS run,
               pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin
    ) AS present LEFT JOIN LATERAL (
        SELECT xid::text::bigint AS xid, revocation_id, session_id, time FROM auth.revocations
        WHERE (xid, revocation_id) > ($1::bigint::text::xid8, $2::bigint)
        ORDER BY revocations.xid, revocation_id LIMIT $3
    ) AS found ON true ORDER BY found.xid, found.revocation_id
"""


@dataclass(frozen=True, slots=True)
class Revocation:
    """The end of a session or an API key."""

    xid: int
    revocation_id: int
    session_id: UUID
    """The id of the session or of the key."""
    time: datetime

    @property
    def forget_time(self) -> datetime:
        """From when on no token can be live that this revokes."""
        return self.time + REMEMBERED_FOR


@dataclass(frozen=True, slots=True)
class Place:
    """Up to where the log has been read: all that older transactions wrote, and perhaps more."""

    run: str
    """The run of the server that gave out the id, as 32 hexadecimal digits."""
    xmin: int

    def pack(self) -> str:
        """The cursor for this place."""
        return f"{self.run}.{self.xmin}"

    @classmethod
    def unpack(cls, cursor: str) -> "Place | None":
        """The place of a cursor; None when it is none."""
        match = _PLACE.fullmatch(cursor)
        place = cls(match[1], int(match[2])) if match else None
        return place if place and place.xmin <= _GREATEST else None

    def precedes(self, other: "Place") -> bool:
        """Whether this may have been reached before the other."""
        return self.run == other.run and self.xmin <= other.xmin


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of the log in its order."""

    rows: list[Revocation]
    place: Place
    """What will have been reached with the last page: where the log was at the first."""

    @property
    def is_last(self) -> bool:
        """Whether nothing followed these rows."""
        return len(self.rows) < BATCH


async def present(database: Database) -> Place:
    """Where the log is now. Raises `errors.Unavailable`."""
    return (await _read(database, (_GREATEST, 0))).place


async def pages(database: Database, since: Place | None) -> AsyncIterator[Page]:
    """All that was written since a place, in one page or more.

    That is everything when `since` is None or cannot be a place of this log. Raises
    `errors.Unavailable`, also when the server is exchanged meanwhile.
    """
    after = (since.xmin, 0) if since else _BEGINNING
    first = await _read(database, after)
    if since is not None and not since.precedes(first.place):
        first = await _read(database, _BEGINNING)
    page = first
    yield page
    while not page.is_last:
        last = page.rows[-1]
        page = await _read(database, (last.xid, last.revocation_id))
        if page.place.run != first.place.run:
            raise errors.Unavailable(retry_after=_RETRY_AFTER)
        yield replace(page, place=first.place)


async def _read(database: Database, after: tuple[int, int]) -> Page:
    async with database.statements() as pg:
        found = await pg.fetch(_READ, *after, BATCH)
    place = Place(found[0]["run"], found[0]["xmin"])
    rows = [
        Revocation(row["xid"], row["revocation_id"], row["session_id"], row["time"])
        for row in found
        if row["xid"] is not None
    ]
    return Page(rows, place)
