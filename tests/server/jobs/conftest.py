"""A real PostgreSQL for the session, a real Valkey for each test, and the parts built on them."""

import base64
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
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

_HOLD = """
import asyncio, sys
from pathlib import Path
from server.platform import migrations
from server.platform.embedded.directory import DataDirectory
from server.platform.embedded.servers import EmbeddedServers

async def main():
    with DataDirectory(Path(sys.argv[1])) as data:
        async with EmbeddedServers(data, durable=False) as servers:
            await migrations.upgrade(servers.postgres.url)
            print(servers.postgres.url, flush=True)
            await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database."""
    folder = tmp_path_factory.mktemp("jobs") / "data"
    with subprocess.Popen(  # noqa: S603 - this interpreter
        [sys.executable, "-c", _HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        yield holder.stdout.readline().strip()
        assert holder.stdin is not None
        holder.stdin.close()


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
async def valkey(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
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
async def broker(valkey: EmbeddedValkey) -> AsyncIterator[JobBroker]:
    broker = JobBroker(url=valkey.url, read_count=10)
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
def worker_env(database_url: str, valkey: EmbeddedValkey, tmp_path: Path) -> dict[str, Any]:
    """The environment of a worker process of its own."""
    return {
        "LIMEN_PROFILE": "test",
        "LIMEN_DATABASE_URL": database_url,
        "LIMEN_VALKEY_URL": valkey.url,
        "LIMEN_DATA_DIR": str(tmp_path / "data"),
        "LIMEN_SECRET_KEY": base64.urlsafe_b64encode(bytes(32)).decode(),
        "LIMEN_PUBLIC_URL": "http://limen.test",
    }
