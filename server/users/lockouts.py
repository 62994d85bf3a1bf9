"""Failed sign-ins in PostgreSQL: counted, locked and forgiven.

The address stands in these rows as a keyed hash, whether or not it has an account, so that known
and unknown ones are treated alike and nothing here says whose they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from sqlalchemy import delete

from server.platform import networks
from server.platform.clock import Clock
from server.platform.database import Transaction
from server.platform.vault import Vault
from server.users.addresses import account_key
from server.users.lockout import KNOWN_FOR, LockoutPolicy, Record
from server.users.model import SignInFailuresRow

_EVERYWHERE = ""
"""In place of a network: all those that the owner has never signed in from."""

# All statements here lock the row of the network first and that of everywhere second; otherwise two
# of them could wait for each other.

_IS_KNOWN = """
    EXISTS (
        SELECT FROM users.known_networks AS known
        WHERE known.account_key = $1 AND known.network = $2
          AND known.last_success > $3
    )
"""

_HELD = """
    held AS MATERIALIZED (
        SELECT account_key, network FROM users.sign_in_failures
        WHERE account_key = $1 AND network IN ($2, '')
        ORDER BY network DESC FOR UPDATE
    )
"""

# One statement makes both rows, locks them and reads them.
_LOCK = f"""
    INSERT INTO users.sign_in_failures AS held (account_key, network)
    VALUES ($1, $2), ($1, '')
    ON CONFLICT (account_key, network) DO UPDATE SET attempts = held.attempts
    RETURNING network, attempts, failures, locks, last_attempt, locked_until,
        {_IS_KNOWN} AS is_known
"""  # noqa: S608 - the parts are constants

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


_CHANGED = ("attempts", "failures", "locks", "last_attempt", "locked_until")
_WRITE = """
    UPDATE users.sign_in_failures
    SET attempts = $3, failures = $4, locks = $5, last_attempt = $6, locked_until = $7
    WHERE account_key = $1 AND network = $2
"""


@dataclass(frozen=True, slots=True)
class _Held:
    """The records of an address that count for a network, locked until the transaction ends."""

    network: str
    here: Record
    elsewhere: Record
    is_known: bool

    def counting(self, policy: LockoutPolicy) -> Iterator[tuple[str, Record, int]]:
        """Network, record and limit of each record that counts."""
        yield self.network, self.here, policy.network_limit
        if not self.is_known:
            yield _EVERYWHERE, self.elsewhere, policy.account_limit


class Lockouts:
    """Decides whether a sign-in may be tried, and keeps the count."""

    def __init__(self, *, vault: Vault, clock: Clock, policy: LockoutPolicy | None = None) -> None:
        self._vault = vault
        self._clock = clock
        self._policy = policy or LockoutPolicy()

    async def reserve(self, tx: Transaction, email: str, network: str) -> float | None:
        """Reserves an attempt. Returns None when it may be made, else the seconds to wait.

        Every attempt that may be made is settled by one of `succeed`, `fail` and `give_back`.
        """
        held, now = await self._lock(tx, email, network), self._clock.now()
        waits = [
            self._policy.wait(record, limit, now)
            for _, record, limit in held.counting(self._policy)
        ]
        longest = max((wait for wait in waits if wait is not None), default=None)
        if longest is not None:
            return longest.total_seconds()
        reserved = {
            place: self._policy.reserve(record, now)
            for place, record, _ in held.counting(self._policy)
        }
        await self._write(tx, email, reserved)
        return None

    async def fail(self, tx: Transaction, email: str, network: str) -> None:
        """Counts an attempt as failed."""
        held, now = await self._lock(tx, email, network), self._clock.now()
        failed = {
            place: self._policy.fail(record, limit, now)
            for place, record, limit in held.counting(self._policy)
        }
        await self._write(tx, email, failed)

    async def succeed(self, tx: Transaction, email: str, network: str) -> None:
        """Wipes the count of this network, which is known to be the owner's from now on."""
        await tx.pg.execute(_SUCCEED, *self._where(email, network), self._clock.now())

    async def give_back(self, tx: Transaction, email: str, network: str) -> None:
        """Takes back an attempt that said nothing about the password."""
        await tx.pg.execute(_GIVE_BACK, *self._where(email, network))

    async def forgive(self, tx: Transaction, email: str) -> None:
        """Forgets every failure of an address."""
        account = account_key(self._vault, email)
        await tx.execute(delete(SignInFailuresRow).where(SignInFailuresRow.account_key == account))

    async def _lock(self, tx: Transaction, email: str, network: str) -> _Held:
        where = self._where(email, network)
        found, network = await tx.pg.fetch(_LOCK, *where), where[1]
        rows = {row["network"]: row for row in found}
        return _Held(
            network=network,
            here=_record(rows[network]),
            elsewhere=_record(rows[_EVERYWHERE]),
            is_known=rows[network]["is_known"],
        )

    async def _write(self, tx: Transaction, email: str, records: dict[str, Record]) -> None:
        account = account_key(self._vault, email)
        values = [
            (account, network, *(getattr(record, name) for name in _CHANGED))
            for network, record in records.items()
        ]
        await tx.pg.executemany(_WRITE, values)

    def _where(self, email: str, network: str) -> tuple[bytes, str, datetime]:
        known_since = self._clock.now() - KNOWN_FOR
        return account_key(self._vault, email), networks.aggregated(network), known_since


def _record(row: asyncpg.Record) -> Record:
    return Record(**{name: row[name] for name in _CHANGED})
