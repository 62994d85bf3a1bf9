"""When a sign-in may still be tried: the decisions, without any I/O.

Failures count against the pair of address and network, and, from networks that the owner has never
signed in from, against the address as well. So guessing from many places is held back, while a
stranger can never lock the owner out of a network of theirs.

An attempt is reserved before its password is looked at and settled afterwards: a hundred parallel
guesses are evaluated no more often than the limit says, and a hundred parallel sign-ins with the
right password lock nothing.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

KNOWN_FOR = timedelta(days=30)
"""For how long after a successful sign-in its network counts as the owner's."""

_SETTLED_SOON = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Record:
    """The attempts to sign in to an address, from one network or from all unknown ones."""

    attempts: int = 0
    """Reserved since the last success, lock or quiet spell: those under way, and those failed."""
    failures: int = 0
    """How many of them have failed."""
    locks: int = 0
    """How often this record was locked; every lock doubles the next one."""
    last_attempt: datetime | None = None
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

    def wait(self, record: Record, limit: int, now: datetime) -> timedelta | None:
        """How long a record refuses attempts; None when one may be made."""
        if record.locked_until is not None and now < record.locked_until:
            return record.locked_until - now
        return _SETTLED_SOON if self._faded(record, now).attempts >= limit else None

    def reserve(self, record: Record, now: datetime) -> Record:
        """The record with one more attempt under way."""
        record = self._faded(record, now)
        return replace(record, attempts=record.attempts + 1, last_attempt=now, locked_until=None)

    def fail(self, record: Record, limit: int, now: datetime) -> Record:
        """The record after an attempt has failed; the last one allowed locks it."""
        failures = record.failures + 1
        if failures < limit:
            attempts = max(record.attempts, failures)
            return replace(record, failures=failures, attempts=attempts, last_attempt=now)
        lock = min(self.first_lock * 2 ** min(record.locks, 16), self.longest_lock)
        return Record(locks=record.locks + 1, last_attempt=now, locked_until=now + lock)

    def _faded(self, record: Record, now: datetime) -> Record:
        if record.last_attempt is None:
            return record
        quiet = now - record.last_attempt
        if quiet >= self.memory:
            return Record()
        return replace(record, attempts=0, failures=0) if quiet >= self.window else record


SECOND_FACTORS = LockoutPolicy(network_limit=5, account_limit=10, longest_lock=timedelta(hours=12))
"""For codes of six digits, of which three count at any time: whoever has stolen the password and
guesses for a year on end is right with a chance of about one in fifty.
"""
