"""The worker as a process: killed, stopped, and started before anything else is there."""

import asyncio
import json
import os
import random
import signal
import sys
from collections import Counter
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from urllib.request import urlopen
from uuid import UUID

import asyncpg
import pytest
from aiosmtpd.smtp import SMTP
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from server.jobs.model import OutboxRow
from server.jobs.outbox import Outbox
from server.platform.clock import Entropy, SystemClock
from server.platform.database import connection_arguments
from server.users.model import UserRow

ENTROPY = Entropy()
CLOCK = SystemClock()
CHANCE = random.Random(20300101)  # noqa: S311 - any moments will do


@pytest.fixture
async def start(worker_env, tmp_path):
    """Starts workers; none outlives the test."""
    started = []
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("LIMEN_")}

    async def start(**more):
        log = (tmp_path / f"worker-{len(started)}.log").open("wb")
        with log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "server.worker",
                env=inherited | worker_env | more,
                stdout=log,
                stderr=log,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def leave_letters(database):
    """Leaves letters to as many users."""
    outbox = Outbox(entropy=ENTROPY, clock=CLOCK)
    now = CLOCK.now()

    async def leave(count):
        users = [ENTROPY.identifier() for _ in range(count)]
        async with database.transaction() as tx:
            await tx.execute(
                insert(UserRow),
                [
                    {
                        "user_id": user_id,
                        "email": f"{user_id}@example.org",
                        "email_key": f"{user_id}@example.org",
                        "email_verified": True,
                        "display_name": "Ada",
                        "locale": "en",
                        "state": "active",
                        "version": 1,
                        "create_time": now,
                        "update_time": now,
                    }
                    for user_id in users
                ],
            )
            return [
                await outbox.enqueue(
                    tx, "auth.letter", {"template": "password_changed", "user_id": str(user_id)}
                )
                for user_id in users
            ]

    return leave


@pytest.fixture
def done(database):
    """The jobs that are done."""

    async def done():
        query = select(OutboxRow.job_id).where(OutboxRow.done_time.is_not(None))
        async with database.transaction() as tx:
            return set(await tx.scalars(query))

    return done


@pytest.fixture
def kill(until, database_url):
    """Kills a worker, and waits until PostgreSQL has taken back what it was at."""

    async def kill(process):
        if process.returncode is None:
            process.kill()
        await process.wait()
        watcher = await asyncpg.connect(**connection_arguments(database_url))
        query = """
            SELECT count(*) FROM pg_stat_activity
            WHERE application_name = 'limen-worker' AND datname = current_database()
        """

        async def is_gone():
            return await watcher.fetchval(query) == 0

        await until(is_gone)
        await watcher.close()

    return kill


class PostOffice:
    """A real SMTP server that notes what it accepts, and when to shoot the postman."""

    def __init__(self):
        self.accepted = []
        self.plan = []
        self.worker = None

    def _may_shoot(self, stage):
        if self.plan and self.plan[0] == stage:
            self.plan.pop(0)
            self.worker.kill()

    async def handle_MAIL(self, _server, _session, envelope, address, _options):  # noqa: N802
        self._may_shoot("MAIL")
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        self._may_shoot("RCPT")
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        if self.plan and self.plan[0] == "DATA":
            self._may_shoot("DATA")
            return "451 not taken"
        await asyncio.sleep(0.01)
        message = message_from_bytes(envelope.content, policy=default)
        self.accepted.append(UUID(message["Message-ID"].strip("<>").partition("@")[0]))
        self._may_shoot("ACCEPTED")
        return "250 OK"


@pytest.fixture
async def office():
    office = PostOffice()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(office, hostname="office.test"), "127.0.0.1"
    )
    async with server:
        office.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield office


@pytest.fixture
def kept(worker_env):
    """The messages in the data directory, by job."""

    def kept():
        folder = Path(worker_env["LIMEN_DATA_DIR"]) / "mail"
        return {UUID(file.stem): json.loads(file.read_bytes()) for file in folder.glob("*.json")}

    return kept


async def test_killed_workers_keep_each_mail_once(start, kill, leave_letters, done, kept, until):
    ids = set(await leave_letters(100))
    for _ in range(3):
        target = len(kept()) + CHANCE.randint(1, 20)
        worker = await start()

        async def is_midway(target=target):
            return len(kept()) >= target

        await until(is_midway)
        await asyncio.sleep(CHANCE.random() / 50)
        await kill(worker)
        assert await done() <= kept().keys()

    await start()
    await until(lambda: is_equal(done, ids))
    assert kept().keys() == ids
    assert len({mail["to"] for mail in kept().values()}) == 100


async def is_equal(read, wanted):
    return await read() == wanted


async def test_killed_workers_lose_no_mail_and_repeat_none_that_was_committed(
    start, kill, leave_letters, done, office, until
):
    ids = set(await leave_letters(100))
    in_doubt = set()
    for _ in range(3):
        target = len(office.accepted) + CHANCE.randint(1, 20)
        worker = await start(LIMEN_SMTP_URL=office.url)

        async def is_midway(target=target):
            return len(office.accepted) >= target

        await until(is_midway)
        await asyncio.sleep(CHANCE.random() / 50)
        await kill(worker)
        committed = await done()
        assert committed <= set(office.accepted)
        # Accepted, but the worker died before its commit: the documented window.
        in_doubt |= set(office.accepted) - committed

    await start(LIMEN_SMTP_URL=office.url)
    await until(lambda: is_equal(done, ids))
    assert set(office.accepted) == ids
    twice = {job_id for job_id, times in Counter(office.accepted).items() if times > 1}
    assert twice <= in_doubt


async def test_only_between_the_answer_and_the_commit_can_a_mail_be_repeated(
    start, kill, leave_letters, done, office, until, database
):
    ids = set(await leave_letters(5))
    office.plan = ["MAIL", "RCPT", "DATA", "ACCEPTED"]
    while office.plan:
        # A pool this small means one job at a time.
        office.worker = await start(LIMEN_SMTP_URL=office.url, LIMEN_DATABASE_POOL="2")
        await office.worker.wait()
        await kill(office.worker)
        async with database.transaction() as tx:  # As if half a minute had passed.
            await tx.execute(text("UPDATE jobs.outbox SET publish_time = NULL"))
    shot = set(office.accepted) - await done()
    assert len(shot) == 1
    await start(LIMEN_SMTP_URL=office.url)
    await until(lambda: is_equal(done, ids))
    assert Counter(office.accepted) == Counter([*ids, *shot])


async def test_sigterm_lets_the_running_job_end(start, leave_letters, done, office):
    ids = set(await leave_letters(1))
    entered, leave = asyncio.Event(), asyncio.Event()
    accept = office.handle_DATA

    async def hold(*call):
        entered.set()
        await leave.wait()
        return await accept(*call)

    office.handle_DATA = hold
    worker = await start(LIMEN_SMTP_URL=office.url)
    await asyncio.wait_for(entered.wait(), 60)
    worker.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.2)
    assert worker.returncode is None
    leave.set()
    assert await asyncio.wait_for(worker.wait(), 60) == 0
    assert await done() == ids
    assert office.accepted == list(ids)


async def test_sigterm_does_not_wait_for_ever(start, leave_letters, done, office):
    await leave_letters(1)
    entered, never = asyncio.Event(), asyncio.Event()

    async def hold(*_call):
        entered.set()
        await never.wait()

    office.handle_DATA = hold
    worker = await start(LIMEN_SMTP_URL=office.url, LIMEN_SHUTDOWN_GRACE="1.5")
    await asyncio.wait_for(entered.wait(), 60)
    worker.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(worker.wait(), 60) == 0
    assert await done() == set()
    never.set()


@asynccontextmanager
async def doors_to(url):
    """An address at which nothing listens until the doors are opened to PostgreSQL."""
    there = connection_arguments(url)
    pipes = set()

    async def pipe(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
        finally:
            writer.close()

    async def connect(reader, writer):
        host = there["host"]
        if str(host).startswith("/"):
            path = f"{host}/.s.PGSQL.{there['port'] or 5432}"
            onward = await asyncio.open_unix_connection(path)
        else:
            onward = await asyncio.open_connection(host, there["port"] or 5432)
        for source, target in ((reader, onward[1]), (onward[0], writer)):
            task = asyncio.create_task(pipe(source, target))
            pipes.add(task)

    server = await asyncio.start_server(connect, "127.0.0.1", start_serving=False)
    port = server.sockets[0].getsockname()[1]
    async with server:
        user, database = there["user"], there["database"]
        yield f"postgresql+asyncpg://{user}@127.0.0.1:{port}/{database}", server.start_serving
        await asyncio.gather(*pipes, return_exceptions=True)


async def test_starts_before_postgresql_and_valkey_and_waits_for_them(
    start, leave_letters, done, until, kept, database_url, own_valkey, tmp_path, kill
):
    ids = set(await leave_letters(3))
    await own_valkey.stop(5)
    async with doors_to(database_url) as (url, open_doors):
        worker = await start(LIMEN_DATABASE_URL=url, LIMEN_DATABASE_POOL_TIMEOUT="0.5")
        log = tmp_path / "worker-0.log"

        async def says(*words):
            return all(word in log.read_text() for word in words)

        await until(lambda: says("changes.lost", "jobs.relay_waits", "jobs.stream_lost"))
        await open_doors()
        await own_valkey.start()
        await until(lambda: is_equal(done, ids))
        assert kept().keys() == ids
        await kill(worker)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("LIMEN_SMTP_URL", "http://user:secret@mail"),
        ("LIMEN_MAIL_FROM", "nobody"),
        ("LIMEN_SECRET_KEY", "short"),
        ("LIMEN_DATABASE_POOL", "many"),
        ("LIMEN_WORKER_METRICS_ADDRESS", "9000"),
    ],
)
async def test_a_setting_it_cannot_use_is_named(start, tmp_path, setting, value):
    worker = await start(**{setting: value})
    assert await worker.wait() == 3
    said = (tmp_path / "worker-0.log").read_text()
    assert said.startswith("limen cannot start: ")
    assert setting in said
    assert "secret@" not in said


async def test_a_setting_that_is_missing_is_named_and_no_other_is_shown(
    start, tmp_path, worker_env
):
    del worker_env["LIMEN_DATABASE_URL"]
    worker = await start()
    assert await worker.wait() == 3
    said = (tmp_path / "worker-0.log").read_text()
    assert "LIMEN_DATABASE_URL" in said
    assert worker_env["LIMEN_SECRET_KEY"][:20] not in said


async def test_shows_its_metrics_where_it_is_told(start, leave_letters, done, until):
    probe = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1")
    address = f"127.0.0.1:{probe.sockets[0].getsockname()[1]}"
    probe.close()
    await probe.wait_closed()
    ids = set(await leave_letters(2))
    await start(LIMEN_WORKER_METRICS_ADDRESS=address)
    await until(lambda: is_equal(done, ids))
    metrics = await asyncio.to_thread(read, f"http://{address}/metrics")
    assert 'limen_job_attempts_total{kind="auth.letter",result="done"} 2.0' in metrics
    assert "limen_audit_log_size" in metrics


def read(url):
    with urlopen(url, timeout=20) as answer:  # noqa: S310 - our own address
        return answer.read().decode()


async def test_jobs_leave_no_secret_and_no_address_in_the_log(
    start, leave_letters, done, until, tmp_path
):
    ids = set(await leave_letters(2))
    await start(LIMEN_LOG_LEVEL="DEBUG")
    await until(lambda: is_equal(done, ids))
    assert "@example.org" not in (tmp_path / "worker-0.log").read_text()
