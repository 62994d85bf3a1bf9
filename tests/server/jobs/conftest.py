"""Parts of the background work on a real PostgreSQL, and a Valkey that tests may stop and flush."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select, text

from server.jobs.broker import JobBroker
from server.jobs.metrics import JobMetrics
from server.jobs.model import OutboxRow
from server.jobs.outbox import Outbox
from server.jobs.runner import Handler, Runner
from server.platform.clock import Entropy
from server.platform.database import Database
from server.platform.embedded.directory import DataDirectory
from server.platform.embedded.valkey import EmbeddedValkey


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database without rows."""
    database = Database(url=database_url, pool=20, pool_timeout=5, name="test")
    async with database.transaction() as tx:
        await tx.execute(text("DELETE FROM jobs.outbox"))
        await tx.execute(text("DELETE FROM users.users"))
        await tx.execute(text("DELETE FROM users.sign_in_failures"))
        await tx.execute(text("DELETE FROM users.known_networks"))
    yield database
    await database.close()


@pytest.fixture
async def own_valkey(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
    """A Valkey of this test, which may stop, start and flush it."""
    with DataDirectory(tmp_path / "valkey") as data:
        server = EmbeddedValkey(
            directory=data.path / "valkey",
            sockets=data.sockets(),
            log=data.log("valkey"),
            durable=False,
        )
        await server.start()
        yield server
        await server.stop(5)


@pytest.fixture
async def broker(own_valkey: EmbeddedValkey) -> AsyncIterator[JobBroker]:
    broker = JobBroker(url=own_valkey.url, read_count=10)
    yield broker
    await broker.shutdown()


@dataclass
class SetClock:
    """Shows what it is set to."""

    time: datetime = datetime(2030, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def advance(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@dataclass
class Reports:
    """Keeps what is reported."""

    errors: list[BaseException] = field(default_factory=list)

    def report(self, error: BaseException, **_tags: str) -> None:
        self.errors.append(error)


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def outbox(clock: SetClock) -> Outbox:
    return Outbox(entropy=Entropy(), clock=clock)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> JobMetrics:
    return JobMetrics(registry=registry)


@pytest.fixture
def runner_with(
    database: Database, clock: SetClock, reports: Reports, metrics: JobMetrics
) -> Callable[[dict[str, Handler]], Runner]:
    def make(handlers: dict[str, Handler]) -> Runner:
        return Runner(
            database=database,
            handlers=handlers,
            clock=clock,
            entropy=Entropy(),
            reporter=reports,
            metrics=metrics,
        )

    return make


@pytest.fixture
def rows(database: Database) -> Callable[[], Awaitable[list[OutboxRow]]]:
    """Reads the outbox as it is now, in the order of ids."""

    async def read() -> list[OutboxRow]:
        async with database.transaction() as tx:
            return list(await tx.scalars(select(OutboxRow).order_by(OutboxRow.job_id)))

    return read


@pytest.fixture
def until() -> Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]:
    """Waits for what another process does."""

    async def wait(is_so: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(60):
            while not await is_so():  # noqa: ASYNC110 - no event comes from another process
                await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def worker_env(database_url: str, own_valkey: EmbeddedValkey, tmp_path: Path) -> dict[str, Any]:
    """The environment of a worker process of its own."""
    return {
        "LIMEN_PROFILE": "test",
        "LIMEN_DATABASE_URL": database_url,
        "LIMEN_VALKEY_URL": own_valkey.url,
        "LIMEN_DATA_DIR": str(tmp_path / "data"),
        "LIMEN_SECRET_KEY": base64.urlsafe_b64encode(bytes(32)).decode(),
        "LIMEN_PUBLIC_URL": "http://limen.test",
    }
