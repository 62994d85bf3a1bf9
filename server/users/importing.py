"""Taking over the accounts that another system kept, with the hashes of their passwords.

Rows come by the million, so they are judged one by one and committed in batches, and nothing is
kept of them but counts and the first failures. A row whose address has an account is left alone,
so an import that broke can be started again.
"""

import asyncio
from collections.abc import AsyncIterable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from server import errors
from server.audit.actions import Action
from server.audit.recorder import Event, Recorder
from server.caller import Caller
from server.errors import Fault
from server.platform.clock import Clock, Entropy
from server.platform.database import Database, Transaction
from server.users import importing_rules, repository
from server.users.addresses import email_key
from server.users.repository import Newcomer

BATCH = 500
"""The rows that make a transaction: more would not be faster, and would hold up other calls."""

_FAILURES_KEPT = 1000

# Judging takes some 10 us a row; other calls get their turn after so many.
_JUDGED_AT_ONCE = 100


class ForeignPasswords(Protocol):
    """What an import needs from whoever keeps passwords."""

    def stored_form(self, encoded: str) -> str:
        """The form in which a hash is stored.

        Raises `errors.InvalidRequest` for one that cannot be verified.
        """

    async def store(self, tx: Transaction, passwords: Sequence[tuple[UUID, str]]) -> None:
        """Makes these the passwords of accounts that have none yet."""


@dataclass(frozen=True, slots=True)
class ImportedUser:
    """One row, as it comes."""

    line: int
    """Where it stands in its source, for reports."""
    email: str
    email_verified: bool = False
    display_name: str = ""
    locale: str = ""
    password_hash: str = field(default="", repr=False)
    """Empty: the owner sets a password through a reset."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A row that could not be taken."""

    line: int
    fault: Fault


@dataclass(slots=True)
class Report:
    """What became of rows."""

    created: int = 0
    existing: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    """The first thousand."""

    def add(self, other: "Report") -> None:
        """Counts the rows of another report among these."""
        self.created += other.created
        self.existing += other.existing
        self.failed += other.failed
        self.failures += other.failures[: _FAILURES_KEPT - len(self.failures)]


@dataclass(slots=True)
class _Judged:
    newcomers: list[Newcomer] = field(default_factory=list)
    passwords: dict[UUID, str] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


class Importing:
    """Creates many accounts at once. Each batch writes its audit event in its transaction."""

    def __init__(
        self,
        *,
        database: Database,
        recorder: Recorder,
        passwords: ForeignPasswords,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._database = database
        self._recorder = recorder
        self._passwords = passwords
        self._clock = clock
        self._entropy = entropy

    async def take_all(
        self, caller: Caller, arriving: AsyncIterable[Sequence[ImportedUser]]
    ) -> Report:
        """Takes rows as they come, a batch at a time. Batches stay if a later one fails."""
        report = Report()
        waiting: list[ImportedUser] = []
        async for rows in arriving:
            waiting += rows
            if len(waiting) >= BATCH:
                report.add(await self.take(caller, waiting))
                waiting = []
        if waiting:
            report.add(await self.take(caller, waiting))
        return report

    async def take(self, caller: Caller, rows: Sequence[ImportedUser]) -> Report:
        """Takes one batch: all of its rows that can be taken, or none if this raises."""
        judged = await self._judge(rows)
        async with self._database.transaction() as tx:
            created = await repository.add_many(tx, judged.newcomers, self._clock.now())
            passwords = judged.passwords
            await self._passwords.store(
                tx, [(user_id, passwords[user_id]) for user_id in created if user_id in passwords]
            )
            report = Report(
                created=len(created),
                existing=len(judged.newcomers) - len(created),
                failed=len(judged.failures),
                failures=judged.failures,
            )
            await self._recorder.record(tx, caller, _event(report))
        return report

    def check(self, rows: Iterable[ImportedUser]) -> list[Failure]:
        """The rows that could not be taken. Changes nothing."""
        judged = _Judged()
        for row in rows:
            self._judge_one(row, judged)
        return judged.failures

    async def _judge(self, rows: Sequence[ImportedUser]) -> _Judged:
        judged = _Judged()
        for number, row in enumerate(rows):
            if number % _JUDGED_AT_ONCE == 0:
                await asyncio.sleep(0)
            self._judge_one(row, judged)
        return judged

    def _judge_one(self, row: ImportedUser, judged: _Judged) -> None:
        fault = importing_rules.fault_of(
            email=row.email, display_name=row.display_name, locale=row.locale
        )
        encoded = ""
        if fault is None and row.password_hash:
            try:
                encoded = self._passwords.stored_form(row.password_hash)
            except errors.InvalidRequest as refusal:
                fault = refusal.faults[0]
        if fault is not None:
            judged.failures.append(Failure(row.line, fault))
            return
        user_id = self._entropy.identifier()
        judged.newcomers.append(_newcomer(user_id, row))
        if encoded:
            judged.passwords[user_id] = encoded


def _newcomer(user_id: UUID, row: ImportedUser) -> Newcomer:
    return Newcomer(
        user_id=user_id,
        email=row.email,
        email_key=email_key(row.email),
        email_verified=row.email_verified,
        display_name=row.display_name.strip(),
        locale=row.locale or "en",
    )


def _event(report: Report) -> Event:
    details = {
        "created": str(report.created),
        "existing": str(report.existing),
        "failed": str(report.failed),
    }
    return Event(Action.IMPORT_USERS, details=details)
