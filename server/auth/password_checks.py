"""Passwords as the use cases see them: judged, hashed and compared, with limen's own errors."""

import asyncio

from server import errors
from server.auth.breached import BreachedPasswords
from server.auth.hashing import HashingOverloaded, PasswordHasher, Verification
from server.auth.passwords import LONGEST, SHORTEST, PasswordPolicy, Weakness, names_of

_RULES = {
    Weakness.TOO_SHORT: "password.too_short",
    Weakness.TOO_LONG: "password.too_long",
    Weakness.COMMON: "password.common",
    Weakness.CONTAINS_PRODUCT_NAME: "password.product_name",
    Weakness.CONTAINS_OWN_NAME: "password.own_name",
}
_LIMITS = {"min_len": str(SHORTEST), "max_len": str(LONGEST)}


class Passwords:
    """Judges, hashes and compares passwords."""

    def __init__(
        self,
        *,
        policy: PasswordPolicy,
        hasher: PasswordHasher,
        breached: BreachedPasswords | None = None,
    ) -> None:
        self._policy = policy
        self._hasher = hasher
        self._breached = breached

    async def judge(self, password: str, *, field: str, email: str, display_name: str) -> None:
        """Refuses a password that is easy to guess or known to others, naming `field`.

        Raises `errors.PasswordTooWeak` and `errors.PasswordBreached`.
        """
        weakness = self._policy.check(password, own_names=names_of(email, display_name))
        if weakness is not None:
            raise errors.PasswordTooWeak(faults=[errors.Fault(field, _RULES[weakness], _LIMITS)])
        breached = self._breached
        # On a thread, for it may wait for the disk.
        if breached is not None and await asyncio.to_thread(breached.contains, password):
            raise errors.PasswordBreached(faults=[errors.Fault(field, "password.breached")])

    async def hash(self, password: str) -> str:
        """The stored form of a password. Raises `errors.Overloaded`."""
        try:
            return await self._hasher.hash(password)
        except HashingOverloaded as error:
            raise errors.Overloaded(retry_after=error.retry_after) from error

    async def verify(self, password: str, encoded: str | None) -> Verification:
        """Compares a password with its stored form, or with nobody's in the same time.

        Raises `errors.Overloaded`.
        """
        try:
            return await self._hasher.verify(password, encoded)
        except HashingOverloaded as error:
            raise errors.Overloaded(retry_after=error.retry_after) from error

    def refuse_overload(self, expected: int) -> None:
        """Raises `errors.Overloaded` when a hash would be refused now, before any work is done.

        `expected` is how many hashes the work under way is going to ask for.
        """
        wait = self._hasher.overloaded(expected)
        if wait is not None:
            raise errors.Overloaded(retry_after=wait)
