"""Failed sign-ins: counted, locked and forgiven.

The address stands in their rows as a keyed hash, whether or not it has an account, so that known
and unknown ones are treated alike and nothing there says whose they are.
"""

from collections.abc import Iterator

import asyncpg

from server.platform import networks
from server.platform.clock import Clock
from server.platform.database import Transaction
from server.platform.vault import Vault
from server.users import failures
from server.users.addresses import account_key
from server.users.failures import EVERYWHERE, Place, Standing
from server.users.lockout import KNOWN_FOR, LockoutPolicy, Record


class Lockouts:
    """Decides whether a sign-in may be tried, and keeps the count."""

    def __init__(self, *, vault: Vault, clock: Clock, policy: LockoutPolicy | None = None) -> None:
        self._vault = vault
        self._clock = clock
        self._policy = policy or LockoutPolicy()

    def place(self, email: str, network: str) -> Place:
        """Where attempts to sign in to an address from a network count."""
        return Place(
            account_key=account_key(self._vault, email),
            network=networks.aggregated(network),
            known_since=self._clock.now() - KNOWN_FOR,
        )

    def wait(self, standing: Standing) -> float | None:
        """The seconds until an attempt may be made; None when it may be made now."""
        now = self._clock.now()
        waits = [
            self._policy.wait(record, limit, now) for _, record, limit in self._counting(standing)
        ]
        longest = max((wait for wait in waits if wait is not None), default=None)
        return None if longest is None else longest.total_seconds()

    async def reserve(self, pg: asyncpg.Connection, standing: Standing) -> bool:
        """Reserves an attempt that need not wait. False when the standing is no longer true.

        Every attempt that was reserved is settled by one of `succeed`, `fail` and `give_back`.
        """
        now = self._clock.now()
        reserved = {
            network: self._policy.reserve(record, now)
            for network, record, _ in self._counting(standing)
        }
        return await failures.reserve(pg, standing, reserved)

    async def claim(self, tx: Transaction, place: Place) -> float | None:
        """Reserves an attempt that is evaluated and settled in `tx`, as the only one meanwhile.

        Returns the seconds to wait if it may not be made, else None.
        """
        standing = await failures.lock(tx, place)
        wait = self.wait(standing)
        if wait is None:
            await self.reserve(tx.pg, standing)
        return wait

    async def fail(self, tx: Transaction, place: Place) -> None:
        """Counts an attempt as failed."""
        standing, now = await failures.lock(tx, place), self._clock.now()
        failed = {
            network: self._policy.fail(record, limit, now)
            for network, record, limit in self._counting(standing)
        }
        await failures.write(tx, place, failed)

    async def succeed(self, tx: Transaction, place: Place) -> None:
        """Wipes the count of this network, which is known to be the owner's from now on."""
        await failures.succeed(tx, place, self._clock.now())

    async def give_back(self, tx: Transaction, place: Place) -> None:
        """Takes back an attempt that said nothing about the password."""
        await failures.give_back(tx, place)

    async def forgive(self, tx: Transaction, email: str) -> None:
        """Forgets every failure of an address."""
        await failures.forgive(tx, account_key(self._vault, email))

    def _counting(self, standing: Standing) -> Iterator[tuple[str, Record, int]]:
        """Network, record and limit of each record that counts."""
        yield standing.place.network, standing.here, self._policy.network_limit
        if not standing.is_known:
            yield EVERYWHERE, standing.elsewhere, self._policy.account_limit
