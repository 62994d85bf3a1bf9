"""From the outbox to the handler and back, through the loss of every part on the way."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from server.jobs.broker import JobBroker
from server.jobs.consumer import Consumer
from server.jobs.relay import Relay
from server.jobs.supervision import cancel

_SOON = 20


class Greetings:
    """Counts what it does, and knows when all is done."""

    def __init__(self):
        self.done = Counter()
        self.changed = asyncio.Event()

    async def __call__(self, _tx, job):
        self.done[job.job_id] += 1
        self.changed.set()

    async def reach(self, ids):
        async with asyncio.timeout(_SOON):
            while not set(ids) <= self.done.keys():
                await self.changed.wait()
                self.changed.clear()


@pytest.fixture
def greetings():
    return Greetings()


@pytest.fixture
def leave(database, outbox):
    async def leave(count):
        async with database.transaction() as tx:
            return [await outbox.enqueue(tx, "greet", {}) for _ in range(count)]

    return leave


@pytest.fixture
def working(own_valkey, database, runner_with, clock, greetings):
    """A relay and a consumer at work."""
    runner = runner_with({"greet": greetings})

    @asynccontextmanager
    async def work():
        broker = JobBroker(url=own_valkey.url, read_count=4)
        relay = Relay(database=database, publish=broker.publish, clock=clock)
        consumer = Consumer(broker=broker, run_job=runner.run, concurrency=4, grace=5)
        relaying = asyncio.create_task(relay.run())
        consuming = asyncio.create_task(consumer.run())
        try:
            yield relay
        finally:
            await cancel([relaying])
            consumer.stop()
            await consuming
            await broker.shutdown()

    return work


@pytest.fixture
def all_done(rows, until):
    async def is_so():
        return all(row.done_time for row in await rows())

    return lambda: until(is_so)


async def test_everything_is_done_once(working, leave, greetings, all_done):
    async with working():
        ids = await leave(50)
        await greetings.reach(ids)
        await all_done()
    assert greetings.done == Counter(ids)


async def test_two_workers_share_the_work(working, leave, greetings, all_done):
    async with working(), working():
        ids = await leave(50)
        await greetings.reach(ids)
        await all_done()
    assert greetings.done == Counter(ids)


async def test_jobs_wait_while_valkey_is_away(working, own_valkey, leave, greetings, all_done):
    async with working():
        first = await leave(3)
        await greetings.reach(first)
        await own_valkey.stop(5)
        second = await leave(3)
        await own_valkey.start()
        await greetings.reach(second)
        await all_done()
    assert greetings.done == Counter(first + second)


async def test_what_a_flushed_valkey_forgot_is_published_again(
    working, own_valkey, leave, greetings, all_done, clock, database
):
    broker = JobBroker(url=own_valkey.url, read_count=4)
    relay = Relay(database=database, publish=broker.publish, clock=clock)
    ids = await leave(5)
    assert await relay.relay_due() == 5
    await broker.shutdown()
    async with Redis.from_url(own_valkey.url) as client:
        await client.flushall()

    clock.advance(seconds=31)
    async with working():
        await greetings.reach(ids)
        await all_done()
    assert greetings.done == Counter(ids)


async def test_a_stream_that_repeats_everything_changes_nothing(
    working, own_valkey, leave, greetings, all_done
):
    async with working():
        ids = await leave(5)
        await greetings.reach(ids)
        await all_done()
        broker = JobBroker(url=own_valkey.url, read_count=4)
        for _ in range(5):
            await broker.publish(ids)
        await broker.shutdown()
        last = await leave(1)
        await greetings.reach(last)
        await all_done()
    assert greetings.done == Counter(ids + last)
