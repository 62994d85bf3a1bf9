"""Failed sign-ins in PostgreSQL: counted, locked and forgiven.

The address stands in these rows as a keyed hash, whether or not it has an account, so that known
and unknown ones are treated alike and nothing here says whose they are.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, text
from sqlalchemy.dialects.postgresql import insert

from server.platform.clock import Clock
from server.platform.database import Transaction
from server.platform.vault import Vault
from server.users.addresses import account_key
from server.users.lockout import KNOWN_FOR, Failures, LockoutPolicy
from server.users.model import SignInFailuresRow

_EVERYWHERE = ""
"""In place of a network: all those that the owner has never signed in from."""

# One statement makes both rows, locks them in one order and reads them.
_LOCK = text(
    """
    INSERT INTO users.sign_in_failures AS held (account_key, network, count)
    VALUES (:account, :network, 0), (:account, '', 0)
    ON CONFLICT (account_key, network) DO UPDATE SET count = held.count
    RETURNING network, count AS attempts, locks, last_failure, locked_until, EXISTS (
        SELECT FROM users.known_networks AS known
        WHERE known.account_key = :account AND known.network = :network
          AND known.last_success > :known_since
    ) AS is_known
    """
)

_SUCCEED = text(
    """
    WITH wiped AS (
        DELETE FROM users.sign_in_failures WHERE account_key = :account AND network = :network
    ), given_back AS (
        UPDATE users.sign_in_failures SET count = greatest(count - 1, 0)
        WHERE account_key = :account AND network = '' AND count > 0
    )
    INSERT INTO users.known_networks (account_key, network, last_success)
    VALUES (:account, :network, :now)
    ON CONFLICT (account_key, network) DO UPDATE SET last_success = excluded.last_success
    """
)

_GIVE_BACK = text(
    """
    UPDATE users.sign_in_failures SET count = count - 1
    WHERE account_key = :account AND network IN (:network, '') AND count > 0
    """
)


@dataclass(frozen=True, slots=True)
class _Records:
    here: Failures
    elsewhere: Failures
    is_known: bool


class Lockouts:
    """Decides whether a sign-in may be tried, and keeps the count."""

    def __init__(self, *, vault: Vault, clock: Clock, policy: LockoutPolicy | None = None) -> None:
        self._vault = vault
        self._clock = clock
        self._policy = policy or LockoutPolicy()

    async def reserve(self, tx: Transaction, email: str, network: str) -> float | None:
        """Counts an attempt. Returns None when it may be made, else the seconds to wait.

        An attempt that is refused does not count.
        """
        account, now = account_key(self._vault, email), self._clock.now()
        records = await self._lock(tx, account, network)
        counted = [(network, records.here, self._policy.network_limit)]
        if not records.is_known:
            counted.append((_EVERYWHERE, records.elsewhere, self._policy.account_limit))
        waits = [self._policy.wait(record, now) for _, record, _ in counted]
        longest = max((wait for wait in waits if wait is not None), default=None)
        if longest is not None:
            return longest.total_seconds()
        await self._write(
            tx,
            account,
            {place: self._policy.reserve(record, limit, now) for place, record, limit in counted},
        )
        return None

    async def succeed(self, tx: Transaction, email: str, network: str) -> None:
        """Wipes the count of this network, which is known to be the owner's from now on."""
        values = {"account": account_key(self._vault, email), "network": network}
        await tx.execute(_SUCCEED, values | {"now": self._clock.now()})

    async def give_back(self, tx: Transaction, email: str, network: str) -> None:
        """Takes back an attempt that said nothing about the password."""
        values = {"account": account_key(self._vault, email), "network": network}
        await tx.execute(_GIVE_BACK, values)

    async def forgive(self, tx: Transaction, email: str) -> None:
        """Forgets every failure of an address."""
        account = account_key(self._vault, email)
        await tx.execute(delete(SignInFailuresRow).where(SignInFailuresRow.account_key == account))

    async def _lock(self, tx: Transaction, account: bytes, network: str) -> _Records:
        known_since = self._clock.now() - KNOWN_FOR
        found = await tx.execute(
            _LOCK, {"account": account, "network": network, "known_since": known_since}
        )
        rows = {row.network: row for row in found}
        return _Records(
            here=_failures(rows[network]),
            elsewhere=_failures(rows[_EVERYWHERE]),
            is_known=rows[network].is_known,
        )

    @staticmethod
    async def _write(tx: Transaction, account: bytes, records: dict[str, Failures]) -> None:
        new = insert(SignInFailuresRow).values(
            [
                {
                    "account_key": account,
                    "network": network,
                    "count": record.count,
                    "locks": record.locks,
                    "last_failure": record.last_failure,
                    "locked_until": record.locked_until,
                }
                for network, record in records.items()
            ]
        )
        changed = ("count", "locks", "last_failure", "locked_until")
        await tx.execute(
            new.on_conflict_do_update(
                index_elements=["account_key", "network"],
                set_={name: new.excluded[name] for name in changed},
            )
        )


def _failures(row: Row[Any]) -> Failures:
    return Failures(row.attempts, row.locks, row.last_failure, row.locked_until)
