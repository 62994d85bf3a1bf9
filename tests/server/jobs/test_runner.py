"""Running a job: once, atomically, and with every failure noted."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import text, update

from server import errors
from server.jobs.backoff import MOST_ATTEMPTS
from server.jobs.model import OutboxRow
from server.jobs.runner import HopelessError
from server.platform.clock import Entropy
from server.platform.database import connection_arguments


class LostAtSeaError(Exception):
    pass


@pytest.fixture
def leave(database, outbox, clock):
    """Leaves a job and marks it as published, as the relay does."""

    async def leave(kind="greet", **args):
        async with database.transaction() as tx:
            job_id = await outbox.enqueue(tx, kind, args)
            await tx.execute(update(OutboxRow).values(publish_time=clock.now()))
        return job_id

    return leave


@pytest.fixture
def publish(database, clock):
    async def publish():
        async with database.transaction() as tx:
            await tx.execute(update(OutboxRow).values(publish_time=clock.now()))

    return publish


def attempts(registry, kind, result):
    labels = {"kind": kind, "result": result}
    return registry.get_sample_value("limen_job_attempts_total", labels)


async def test_hands_the_job_to_the_handler_of_its_kind(runner_with, leave, rows, clock, registry):
    seen = []

    async def greet(_tx, job):
        seen.append(job)

    job_id = await leave(user_id="7")
    await runner_with({"greet": greet}).run(job_id)
    (job,) = seen
    assert (job.job_id, job.kind, job.args, job.attempt) == (job_id, "greet", {"user_id": "7"}, 1)
    (row,) = await rows()
    assert row.done_time == clock.now()
    assert attempts(registry, "greet", "done") == 1


async def test_the_handlers_writes_and_the_mark_are_one(runner_with, leave, rows, database):
    async def write_and_fail(tx, _job):
        await tx.execute(
            text(
                "INSERT INTO users.known_networks"
                " VALUES ('\\x07', '192.0.2.0/24', '2030-01-01 00:00+00')"
            )
        )
        raise LostAtSeaError

    await runner_with({"greet": write_and_fail}).run(await leave())
    async with database.transaction() as tx:
        assert await tx.scalar(text("SELECT count(*) FROM users.known_networks")) == 0
    (row,) = await rows()
    assert row.done_time is None


async def test_never_runs_again_after_it_is_done(runner_with, leave, publish):
    runs = []

    async def greet(_tx, job):
        runs.append(job)

    job_id = await leave()
    runner = runner_with({"greet": greet})
    for _ in range(3):
        await runner.run(job_id)
        await publish()
    assert len(runs) == 1


async def test_never_runs_twice_at_once(runner_with, leave):
    entered, leave_now = asyncio.Event(), asyncio.Event()
    runs = []

    async def greet(_tx, job):
        runs.append(job)
        entered.set()
        await leave_now.wait()

    job_id = await leave()
    first = asyncio.create_task(runner_with({"greet": greet}).run(job_id))
    await entered.wait()
    # As another worker would; each of them returns at once instead of waiting.
    await asyncio.gather(*(runner_with({"greet": greet}).run(job_id) for _ in range(5)))
    leave_now.set()
    await first
    assert len(runs) == 1


async def test_a_crowd_of_messages_runs_a_job_once(runner_with, leave):
    runs = []

    async def greet(_tx, job):
        runs.append(job)

    job_id = await leave()
    runners = [runner_with({"greet": greet}) for _ in range(15)]
    await asyncio.gather(*(runner.run(job_id) for runner in runners))
    assert len(runs) == 1


async def test_a_failure_puts_the_job_off(runner_with, leave, rows, clock, registry):
    async def fail(_tx, _job):
        raise LostAtSeaError("ada@example.org")

    job_id = await leave()
    runner = runner_with({"greet": fail})
    await runner.run(job_id)
    (row,) = await rows()
    assert (row.attempts, row.publish_time, row.done_time) == (1, None, None)
    assert row.last_error == "LostAtSeaError"
    assert timedelta(seconds=3) < row.due_time - clock.now() < timedelta(seconds=7)
    assert attempts(registry, "greet", "failed") == 1


async def test_a_late_message_does_not_cut_the_wait_short(runner_with, leave, rows):
    async def fail(_tx, _job):
        raise LostAtSeaError

    job_id = await leave()
    runner = runner_with({"greet": fail})
    await runner.run(job_id)
    await runner.run(job_id)
    (row,) = await rows()
    assert row.attempts == 1


async def test_gives_up_after_ten_failures_and_says_so(
    runner_with, leave, publish, rows, clock, reports, registry, capsys
):
    async def fail(_tx, _job):
        raise LostAtSeaError("ada@example.org")

    job_id = await leave()
    runner = runner_with({"greet": fail})
    for _ in range(MOST_ATTEMPTS + 3):
        await runner.run(job_id)
        await publish()
    (row,) = await rows()
    assert (row.attempts, row.dead_time) == (MOST_ATTEMPTS, clock.now())
    assert attempts(registry, "greet", "dead") == 1
    (report,) = reports.errors
    assert str(report) == "greet: LostAtSeaError"
    assert report.__cause__ is None
    assert report.__context__ is None
    assert report.__traceback__ is not None
    output = capsys.readouterr().out
    assert "jobs.dead" in output
    assert "ada@example.org" not in output


async def test_does_not_repeat_what_is_hopeless(runner_with, leave, rows, clock, reports, registry):
    async def refuse(_tx, _job):
        raise HopelessError

    await runner_with({"greet": refuse}).run(await leave())
    (row,) = await rows()
    assert (row.attempts, row.dead_time) == (1, clock.now())
    assert attempts(registry, "greet", "refused") == 1
    assert reports.errors == []


async def test_a_job_that_kills_its_workers_is_given_up(runner_with, leave, rows, reports):
    async def die(_tx, _job):
        raise asyncio.CancelledError

    job_id = await leave()
    runner = runner_with({"greet": die})
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(asyncio.CancelledError):
            await runner.run(job_id)
    await runner.run(job_id)
    (row,) = await rows()
    assert row.dead_time is not None
    assert len(reports.errors) == 1


async def test_leaves_unknown_kinds_to_a_newer_worker(runner_with, leave, rows, registry):
    job_id = await leave("from_the_future")
    await runner_with({}).run(job_id)
    (row,) = await rows()
    assert (row.attempts, row.dead_time, row.done_time) == (1, None, None)
    assert attempts(registry, "unknown", "failed") == 1


async def test_an_outage_of_the_handlers_own_is_not_taken_for_one_of_postgresql(
    runner_with, leave, rows
):
    async def call(_tx, _job):
        raise ConnectionRefusedError

    await runner_with({"greet": call}).run(await leave())
    (row,) = await rows()
    assert row.last_error == "ConnectionRefusedError"


async def test_a_handler_that_hangs_is_stopped(runner_with, leave, rows, monkeypatch):
    monkeypatch.setattr("server.jobs.runner._LONGEST_SECONDS", 0.01)

    async def hang(_tx, _job):
        await asyncio.Event().wait()

    await runner_with({"greet": hang}).run(await leave())
    (row,) = await rows()
    assert row.last_error == "TimeoutError"


async def test_losing_the_database_midway_leaves_the_job_open(
    runner_with, leave, rows, database_url
):
    runs = []

    async def lose_the_connection(tx, job):
        runs.append(job)
        if len(runs) == 1:
            pid = await tx.scalar(text("SELECT pg_backend_pid()"))
            killer = await asyncpg.connect(**connection_arguments(database_url))
            await killer.execute("SELECT pg_terminate_backend($1)", pid)
            await killer.close()

    job_id = await leave()
    runner = runner_with({"greet": lose_the_connection})
    await runner.run(job_id)
    (row,) = await rows()
    assert (row.done_time, row.attempts) == (None, 1)
    await runner.run(job_id)
    (row,) = await rows()
    assert row.done_time is not None
    assert [job.attempt for job in runs] == [1, 2]


async def test_survives_an_absent_database(runner_with, leave, monkeypatch, database):
    async def greet(_tx, _job):
        raise AssertionError

    job_id = await leave()
    runner = runner_with({"greet": greet})

    def away():
        raise errors.Unavailable(retry_after=1.0)

    monkeypatch.setattr(database, "transaction", away)
    await runner.run(job_id)


async def test_an_id_that_names_no_job_is_nothing(runner_with):
    await runner_with({}).run(Entropy().identifier())
