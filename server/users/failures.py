"""The rows of failed sign-ins: read, reserved, settled and forgotten.

All statements lock the row of the network first and that of everywhere second; otherwise two of
them could wait for each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import asyncpg
from sqlalchemy import delete

from server.platform.database import Transaction
from server.users.lockout import Record
from server.users.model import SignInFailuresRow

EVERYWHERE = ""
"""In place of a network: all those that the owner has never signed in from."""

_FIELDS = tuple(field.name for field in fields(Record))
_RECORD = ", ".join(_FIELDS)

_IS_KNOWN = """
    EXISTS (
        SELECT FROM users.known_networks AS known
        WHERE known.account_key = $1 AND known.network = $2
          AND known.last_success > $3
    )
"""

COUNTED = f"""
    SELECT places.network AS place, held.xmin AS stamp, {_RECORD}, {_IS_KNOWN} AS is_known
    FROM (VALUES ($2::text), ('')) AS places (network)
    LEFT JOIN users.sign_in_failures AS held
        ON held.account_key = $1 AND held.network = places.network
"""  # noqa: S608 - the parts are constants
"""Selects what `standing` reads; $1 to $3 are the parameters of a place."""

# A row is written only while it is the one that was read, which its `xmin` tells: every change
# gives it another one (PostgreSQL manual, section 5.6). None of a row that was not there fits any.
_RESERVE = f"""
    INSERT INTO users.sign_in_failures AS held (account_key, network, {_RECORD})
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (account_key, network) DO UPDATE
    SET ({_RECORD}) = ROW ({", ".join(f"excluded.{name}" for name in _FIELDS)})
    WHERE held.xmin = $8
    RETURNING network
"""  # noqa: S608 - the parts are constants

_RELEASE = """
    UPDATE users.sign_in_failures SET attempts = greatest(attempts - 1, 0)
    WHERE account_key = $1 AND network = $2
"""

# One statement makes both rows, locks them and reads them.
_LOCK = f"""
    INSERT INTO users.sign_in_failures AS held (account_key, network)
    VALUES ($1, $2), ($1, '')
    ON CONFLICT (account_key, network) DO UPDATE SET attempts = held.attempts
    RETURNING network AS place, xmin AS stamp, {_RECORD}, {_IS_KNOWN} AS is_known
"""  # noqa: S608 - the parts are constants

_WRITE = f"""
    UPDATE users.sign_in_failures SET ({_RECORD}) = ROW ($3, $4, $5, $6, $7)
    WHERE account_key = $1 AND network = $2
"""  # noqa: S608 - the parts are constants

_HELD = """
    held AS MATERIALIZED (
        SELECT account_key, network FROM users.sign_in_failures
        WHERE account_key = $1 AND network IN ($2, '')
        ORDER BY network DESC FOR UPDATE
    )
"""

_SUCCEED = f"""
    WITH {_HELD}, wiped AS (
        DELETE FROM users.sign_in_failures AS failures USING held
        WHERE failures.account_key = held.account_key AND failures.network = held.network
          AND held.network = $2
    ), given_back AS (
        UPDATE users.sign_in_failures AS failures SET attempts = greatest(attempts - 1, 0) FROM held
        WHERE failures.account_key = held.account_key AND failures.network = held.network
          AND held.network = '' AND NOT {_IS_KNOWN}
    )
    INSERT INTO users.known_networks (account_key, network, last_success)
    VALUES ($1, $2, $4)
    ON CONFLICT (account_key, network) DO UPDATE SET last_success = excluded.last_success
"""  # noqa: S608 - the parts are constants

_GIVE_BACK = f"""
    WITH {_HELD}
    UPDATE users.sign_in_failures AS failures SET attempts = greatest(attempts - 1, 0) FROM held
    WHERE failures.account_key = held.account_key AND failures.network = held.network
      AND (held.network = $2 OR NOT {_IS_KNOWN})
"""  # noqa: S608 - the parts are constants


@dataclass(frozen=True, slots=True)
class Place:
    """Where an attempt counts: an address, as its keyed hash, and a network.

    The network counts as the owner's when they have signed in from it after `known_since`.
    """

    account_key: bytes
    network: str
    known_since: datetime

    @property
    def parameters(self) -> tuple[bytes, str, datetime]:
        """The first three parameters of the statements."""
        return self.account_key, self.network, self.known_since


@dataclass(frozen=True, slots=True)
class Standing:
    """What counts at a place, as it was when it was read."""

    place: Place
    here: Record
    elsewhere: Record
    is_known: bool
    stamps: Mapping[str, int | None]
    """Which version of each row was read; None where there was no row."""


def standing(place: Place, rows: Sequence[asyncpg.Record]) -> Standing:
    """What the rows of `COUNTED` say."""
    by_network = {row["place"]: row for row in rows}
    here = by_network[place.network]
    return Standing(
        place=place,
        here=_record(here),
        elsewhere=_record(by_network[EVERYWHERE]),
        is_known=here["is_known"],
        stamps={network: row["stamp"] for network, row in by_network.items()},
    )


async def lock(tx: Transaction, place: Place) -> Standing:
    """What counts at a place, which nobody else can change until `tx` ends."""
    return standing(place, await tx.pg.fetch(_LOCK, *place.parameters))


async def write(tx: Transaction, place: Place, records: Mapping[str, Record]) -> None:
    """Replaces the records of networks, which are locked."""
    await tx.pg.executemany(_WRITE, [_values(place, *each) for each in records.items()])


async def reserve(pg: asyncpg.Connection, read: Standing, records: Mapping[str, Record]) -> bool:
    """Replaces the records of networks, all or none. False when one is not what was read."""
    place = read.place
    rows = [(*_values(place, *each), read.stamps[each[0]]) for each in records.items()]
    written = await pg.fetchmany(_RESERVE, rows)
    if len(written) == len(rows):
        return True
    if written:
        await pg.executemany(_RELEASE, [(place.account_key, row["network"]) for row in written])
    return False


async def succeed(tx: Transaction, place: Place, now: datetime) -> None:
    """Wipes the record of the network, and takes the attempt back everywhere else."""
    await tx.pg.execute(_SUCCEED, *place.parameters, now)


async def give_back(tx: Transaction, place: Place) -> None:
    """Takes one attempt back."""
    await tx.pg.execute(_GIVE_BACK, *place.parameters)


async def forgive(tx: Transaction, account_key: bytes) -> None:
    """Forgets every failure of an address."""
    await tx.execute(delete(SignInFailuresRow).where(SignInFailuresRow.account_key == account_key))


def _values(place: Place, network: str, record: Record) -> tuple[object, ...]:
    return place.account_key, network, *(getattr(record, name) for name in _FIELDS)


def _record(row: asyncpg.Record) -> Record:
    if row["stamp"] is None:
        return Record()
    return Record(**{name: row[name] for name in _FIELDS})
