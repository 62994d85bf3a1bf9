"""Leaving jobs: with the transaction or not at all."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from server.platform.database import connection_arguments


async def test_a_job_is_there_after_the_commit(database, outbox, rows, clock):
    async with database.transaction() as tx:
        job_id = await outbox.enqueue(tx, "greet", {"user_id": "7"})
    (row,) = await rows()
    assert (row.job_id, row.kind, row.args) == (job_id, "greet", {"user_id": "7"})
    assert row.create_time == row.due_time == clock.now()
    assert (row.attempts, row.publish_time, row.done_time, row.dead_time) == (0, None, None, None)


async def test_a_job_can_be_due_later(database, outbox, rows, clock):
    later = clock.now() + timedelta(days=3)
    async with database.transaction() as tx:
        await outbox.enqueue(tx, "greet", {}, due=later)
    (row,) = await rows()
    assert row.due_time == later


async def test_a_job_goes_with_its_transaction(database, outbox, rows):
    async def fail():
        async with database.transaction() as tx:
            await outbox.enqueue(tx, "greet", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await rows() == []


async def test_a_new_job_is_announced_when_it_commits(database, database_url, outbox):
    heard: asyncio.Queue[object] = asyncio.Queue()
    listener = await asyncpg.connect(**connection_arguments(database_url))
    try:
        await listener.add_listener("limen_changes", lambda *notice: heard.put_nowait(notice[3]))
        async with database.transaction() as tx:
            await outbox.enqueue(tx, "greet", {})
        assert await asyncio.wait_for(heard.get(), 10) == "jobs:outbox"
    finally:
        await listener.close()
