"""What the worker counts about jobs."""

import asyncio
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from server.jobs import repository
from server.platform.clock import Clock
from server.platform.database import Database

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SECONDS_BETWEEN = 10.0


class Result(StrEnum):
    """What came of an attempt."""

    DONE = "done"
    FAILED = "failed"
    """It will be tried again."""
    REFUSED = "refused"
    """It can never succeed, for instance because the address does not exist."""
    DEAD = "dead"
    """It failed too often."""


class JobMetrics:
    """Counts attempts by kind and result. The kinds are a closed list."""

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self._attempts = Counter(
            "limen_job_attempts", "Attempts at jobs.", ("kind", "result"), registry=registry
        )
        self._seconds = Histogram(
            "limen_job_seconds",
            "How long attempts at jobs took.",
            ("kind",),
            buckets=_BUCKETS,
            registry=registry,
        )

    def note(self, kind: str, result: Result, seconds: float) -> None:
        """Takes note of an attempt."""
        self._attempts.labels(kind, result.value).inc()
        self._seconds.labels(kind).observe(seconds)


class BacklogGauge:
    """Measures the outbox every ten seconds."""

    def __init__(self, *, database: Database, clock: Clock, registry: CollectorRegistry) -> None:
        self._database = database
        self._clock = clock
        self._jobs = Gauge(
            "limen_jobs",
            "Jobs in the outbox: due, due later, or dead (kept for 30 days).",
            ("state",),
            registry=registry,
        )
        self._oldest = Gauge(
            "limen_jobs_oldest_due_seconds",
            "For how long the job that has waited longest is due.",
            registry=registry,
        )

    async def run(self) -> None:
        """Measures until cancelled. Raises `errors.Unavailable`."""
        while True:
            await self.measure()
            await asyncio.sleep(_SECONDS_BETWEEN)

    async def measure(self) -> None:
        """Measures once. Raises `errors.Unavailable`."""
        now = self._clock.now()
        async with self._database.transaction() as tx:
            backlog = await repository.backlog(tx, now)
        self._jobs.labels("due").set(backlog.due)
        self._jobs.labels("later").set(backlog.later)
        self._jobs.labels("dead").set(backlog.dead)
        since = backlog.oldest_due or now
        self._oldest.set(max(0.0, (now - since).total_seconds()))
