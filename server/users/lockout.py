"""When a sign-in may still be tried: the decisions, without any I/O.

Failures count against the pair of address and network, and, from networks that the owner has never
signed in from, against the address as well. So guessing from many places is held back, while a
stranger can never lock the owner out of a network of theirs.

An attempt counts before its password is looked at (it is *reserved*), and a success takes it back:
a hundred parallel guesses are evaluated no more often than the limit says.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

KNOWN_FOR = timedelta(days=30)
"""For how long after a successful sign-in its network counts as the owner's."""


@dataclass(frozen=True, slots=True)
class Failures:
    """The attempts on record that did not succeed, or have not yet."""

    count: int = 0
    """Attempts since the last lock or the last quiet spell."""
    locks: int = 0
    """How often this record has been locked; every lock doubles the next one."""
    last_failure: datetime | None = None
    locked_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LockoutPolicy:
    """How many failures lock, and for how long."""

    network_limit: int = 10
    account_limit: int = 50
    window: timedelta = timedelta(minutes=15)
    """A quiet spell of this length wipes the count."""
    first_lock: timedelta = timedelta(minutes=1)
    longest_lock: timedelta = timedelta(hours=1)
    memory: timedelta = timedelta(days=1)
    """A quiet spell of this length wipes the record, growth of locks included."""

    def wait(self, record: Failures, now: datetime) -> timedelta | None:
        """How long a record still refuses attempts; None when it does not."""
        if record.locked_until is None or record.locked_until <= now:
            return None
        return record.locked_until - now

    def reserve(self, record: Failures, limit: int, now: datetime) -> Failures:
        """The record after one more attempt, which locks it when it is the last one allowed."""
        record = self._faded(record, now)
        count = record.count + 1
        if count < limit:
            return replace(record, count=count, last_failure=now, locked_until=None)
        lock = min(self.first_lock * 2 ** min(record.locks, 16), self.longest_lock)
        return Failures(count=0, locks=record.locks + 1, last_failure=now, locked_until=now + lock)

    def _faded(self, record: Failures, now: datetime) -> Failures:
        if record.last_failure is None:
            return record
        quiet = now - record.last_failure
        if quiet >= self.memory:
            return Failures()
        return replace(record, count=0) if quiet >= self.window else record
