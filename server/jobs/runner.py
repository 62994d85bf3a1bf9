"""Runs one job, at most once at a time and never again after it is done.

An attempt is counted and committed first, so that a job that kills its worker cannot do so for
ever. Then one transaction marks the row as done, runs the handler and commits: what the handler
does in PostgreSQL and the mark are one. The row is locked all the while, and a repeated message
that finds it locked or done does nothing. A worker that is killed loses its connection, and
PostgreSQL takes everything back at once (within a minute when a whole machine vanishes).

What a handler does elsewhere, as its last step, is therefore repeated only if the worker dies, or
PostgreSQL fails, in the round trip of the COMMIT that follows it. No order of steps closes that
window: marking earlier would lose work instead.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from traceback import extract_tb
from uuid import UUID

import structlog

from server import errors
from server.jobs import repository
from server.jobs.backoff import MOST_ATTEMPTS, pause
from server.jobs.metrics import JobMetrics, Result
from server.jobs.model import OutboxRow
from server.platform.clock import Clock, Entropy
from server.platform.database import Database, Transaction
from server.platform.reporting import Reporter

_LONGEST_SECONDS = 45.0
"""Less than PostgreSQL lets a transaction idle, so that a job never outlives its lock."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at a job."""

    job_id: UUID
    kind: str
    args: Mapping[str, str]
    attempt: int
    """Counted from 1. From 2 on, an earlier attempt may have reached the world outside."""


Handler = Callable[[Transaction, Job], Awaitable[None]]
"""Does the work of one kind of job inside the given transaction, which the runner commits.

What happens outside of PostgreSQL comes last, bears being repeated and takes less than 45 seconds.
Raises `HopelessError` when trying again cannot help, anything else to be tried again.
"""


class HopelessError(Exception):
    """A job that will never succeed."""


class JobDiedError(Exception):
    """A job that was given up; the text names its kind and the class of its last error."""


class _UnknownKindError(Exception):
    """No handler: a newer version of limen left this job, and may run the next attempt."""


class _WorkerDiedError(Exception):
    """Every attempt ended with its worker, or its database."""


class _FailedError(Exception):
    """Carries what a handler raised out of the transaction, untouched by it."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


class Runner:
    """Runs jobs by their id with the handlers of their kinds."""

    def __init__(
        self,
        *,
        database: Database,
        handlers: Mapping[str, Handler],
        clock: Clock,
        entropy: Entropy,
        reporter: Reporter,
        metrics: JobMetrics,
    ) -> None:
        self._database = database
        self._handlers = handlers
        self._clock = clock
        self._entropy = entropy
        self._reporter = reporter
        self._metrics = metrics

    async def run(self, job_id: UUID) -> None:
        """Makes one attempt at a job, if it is due and nobody else is at it.

        Never raises, but for being cancelled: the outcome is in the row, and without PostgreSQL the
        relay publishes the job again.
        """
        try:
            async with self._database.transaction() as tx:
                row = await repository.begin(tx, job_id)
            if row is not None:
                await self._attempt(row)
        except errors.Unavailable:
            _log.warning("jobs.database_away", job_id=str(job_id))
        except Exception as error:  # noqa: BLE001 - a defect of the runner itself; nobody is above
            _log.exception("jobs.broken", job_id=str(job_id))
            self._reporter.report(error, request_id=str(job_id), where="jobs")

    async def _attempt(self, row: OutboxRow) -> None:
        job = Job(job_id=row.job_id, kind=row.kind, args=row.args, attempt=row.attempts)
        started = time.perf_counter()
        result: Result | None
        if job.attempt > MOST_ATTEMPTS:
            result = await self._bury(job, _WorkerDiedError())
        else:
            try:
                result = await self._succeed(job)
            except _FailedError as failed:
                result = await self._fail(job, failed.cause)
        if result is not None:
            self._note(job, result, time.perf_counter() - started)

    async def _succeed(self, job: Job) -> Result | None:
        """Raises `_FailedError` if the handler does; None when somebody else came first."""
        async with self._database.transaction() as tx:
            if not await repository.finish(tx, job.job_id, self._clock.now()):
                return None
            try:
                async with asyncio.timeout(_LONGEST_SECONDS):
                    await self._handler(job)(tx, job)
            except Exception as error:  # noqa: BLE001 - noted in the row, whatever it was
                raise _FailedError(error) from None
        return Result.DONE

    def _handler(self, job: Job) -> Handler:
        handler = self._handlers.get(job.kind)
        if handler is None:
            raise _UnknownKindError
        return handler

    async def _fail(self, job: Job, error: Exception) -> Result:
        if isinstance(error, HopelessError):
            return await self._refuse(job, error)
        if job.attempt >= MOST_ATTEMPTS:
            return await self._bury(job, error)
        chance = int.from_bytes(self._entropy.token(2)) / 0xFFFF
        wait = pause(job.attempt, chance)
        until = self._clock.now() + wait
        async with self._database.transaction() as tx:
            await repository.put_off(tx, job.job_id, until=until, error=_name(error))
        _log.warning("jobs.failed", **_told(job, error), again_in=round(wait.total_seconds()))
        return Result.FAILED

    async def _refuse(self, job: Job, error: Exception) -> Result:
        async with self._database.transaction() as tx:
            await repository.bury(tx, job.job_id, now=self._clock.now(), error=_name(error))
        _log.warning("jobs.refused", **_told(job, error))
        return Result.REFUSED

    async def _bury(self, job: Job, error: Exception) -> Result:
        async with self._database.transaction() as tx:
            await repository.bury(tx, job.job_id, now=self._clock.now(), error=_name(error))
        _log.error("jobs.dead", **_told(job, error))
        # Only the place and class of the error: its text could hold an address.
        died = JobDiedError(f"{job.kind}: {_name(error)}").with_traceback(error.__traceback__)
        self._reporter.report(died, request_id=str(job.job_id), where=job.kind)
        return Result.DEAD

    def _note(self, job: Job, result: Result, seconds: float) -> None:
        kind = job.kind if job.kind in self._handlers else "unknown"
        self._metrics.note(kind, result, seconds)
        _log.info(
            "job",
            job_id=str(job.job_id),
            kind=job.kind,
            attempt=job.attempt,
            result=result.value,
            ms=round(seconds * 1000, 2),
        )


def _name(error: Exception) -> str:
    return type(error).__name__


def _told(job: Job, error: Exception) -> dict[str, object]:
    """What the log may know of a failure: never the text of the error."""
    frames = extract_tb(error.__traceback__)
    place = f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return {
        "job_id": str(job.job_id),
        "kind": job.kind,
        "attempt": job.attempt,
        "error": _name(error),
        "at": place,
    }
