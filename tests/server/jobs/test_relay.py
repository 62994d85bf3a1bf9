"""Publishing jobs: each to be done, none lost, whatever Valkey does."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from redis.exceptions import ConnectionError as AwayError
from sqlalchemy import select, update

from server.jobs.model import OutboxRow
from server.jobs.relay import Relay
from server.jobs.supervision import cancel
from server.platform.changes import Changes

_SOON = 20


@asynccontextmanager
async def running(run):
    task = asyncio.create_task(run())
    try:
        yield
    finally:
        await cancel([task])


class Stream:
    """Takes ids, unless told to fail."""

    def __init__(self):
        self.ids = []
        self.taken = asyncio.Event()
        self.is_away = False

    async def publish(self, job_ids):
        if self.is_away:
            raise AwayError
        self.ids += job_ids
        self.taken.set()


@pytest.fixture
def stream():
    return Stream()


@pytest.fixture
def relay(database, stream, clock):
    return Relay(database=database, publish=stream.publish, clock=clock)


@pytest.fixture
def leave(database, outbox):
    async def leave(count=1, due=None):
        async with database.transaction() as tx:
            return [await outbox.enqueue(tx, "greet", {}, due=due) for _ in range(count)]

    return leave


async def test_publishes_what_is_due_once(relay, stream, leave, rows, clock):
    ids = await leave(3)
    assert await relay.relay_due() == 3
    assert await relay.relay_due() == 0
    assert sorted(stream.ids) == ids
    assert {row.publish_time for row in await rows()} == {clock.now()}


async def test_waits_until_a_job_is_due(relay, stream, leave, clock):
    await leave(due=clock.now() + timedelta(minutes=1))
    await relay.relay_due()
    assert stream.ids == []
    clock.advance(minutes=1)
    await relay.relay_due()
    assert len(stream.ids) == 1


async def test_several_relays_publish_each_job_once(database, stream, clock, leave):
    ids = await leave(150)
    relays = [Relay(database=database, publish=stream.publish, clock=clock) for _ in range(4)]
    while sum(await asyncio.gather(*(relay.relay_due() for relay in relays))):
        pass
    assert Counter(stream.ids) == Counter(ids)


async def test_the_longest_due_go_first(relay, stream, leave, clock):
    newest = await leave(due=clock.now())
    oldest = await leave(100, due=clock.now() - timedelta(minutes=1))
    await relay.relay_due()
    assert set(stream.ids) == set(oldest)
    await relay.relay_due()
    assert stream.ids[100:] == newest


async def test_the_stream_is_never_flooded(relay, stream, leave, monkeypatch):
    monkeypatch.setattr("server.jobs.relay._MOST_PUBLISHED", 5)
    await leave(7)
    while await relay.relay_due():
        pass
    assert len(stream.ids) == 5


async def test_what_could_not_be_published_is_free_at_once(relay, stream, leave):
    ids = await leave(5)
    stream.is_away = True
    with pytest.raises(AwayError):
        await relay.relay_due()
    stream.is_away = False
    assert await relay.relay_due() == 5
    assert sorted(stream.ids) == ids


async def test_publishes_again_what_was_lost(relay, stream, leave, clock):
    (job_id,) = await leave()
    await relay.relay_due()
    clock.advance(seconds=29)
    assert await relay.relay_due() == 0
    clock.advance(seconds=2)
    assert await relay.relay_due() == 1
    assert stream.ids == [job_id, job_id]


async def test_leaves_a_running_job_alone_however_long_it_takes(relay, leave, clock, database):
    await leave()
    await relay.relay_due()
    clock.advance(minutes=5)
    async with database.transaction() as tx:
        await tx.execute(select(OutboxRow).with_for_update())
        assert await relay.relay_due() == 0
    assert await relay.relay_due() == 1


@pytest.mark.parametrize("end", ["done_time", "dead_time"])
async def test_leaves_what_is_over_alone(relay, leave, clock, database, end):
    await leave()
    async with database.transaction() as tx:
        await tx.execute(update(OutboxRow).values({end: clock.now()}))
    clock.advance(minutes=5)
    assert await relay.relay_due() == 0


async def test_a_new_row_wakes_it(relay, stream, leave, database, database_url, monkeypatch):
    monkeypatch.setattr("server.jobs.relay._POLL_SECONDS", 3600)
    changes = Changes(url=database_url, database=database)
    listening = asyncio.Event()
    changes.on_gap(lambda: listening.set() if changes.is_live() else None)
    async with running(changes.run), running(relay.run):
        await asyncio.wait_for(listening.wait(), _SOON)
        for number in range(1, 4):
            stream.taken.clear()
            await leave()
            await asyncio.wait_for(stream.taken.wait(), _SOON)
            assert len(stream.ids) == number


async def test_looks_by_itself_when_nothing_wakes_it(relay, stream, leave, monkeypatch):
    monkeypatch.setattr("server.jobs.relay._POLL_SECONDS", 0.01)
    async with running(relay.run):
        await leave()
        await asyncio.wait_for(stream.taken.wait(), _SOON)


async def test_goes_on_after_an_outage(database, clock, leave, monkeypatch):
    monkeypatch.setattr("server.jobs.relay._FIRST_DELAY", 0.01)
    tried, published = 0, asyncio.Queue()

    async def publish(job_ids):
        nonlocal tried
        tried += 1
        if tried < 4:
            raise AwayError
        published.put_nowait(job_ids)

    ids = await leave(3)
    relay = Relay(database=database, publish=publish, clock=clock)
    async with running(relay.run):
        assert sorted(await asyncio.wait_for(published.get(), _SOON)) == ids


async def test_takes_its_claim_back_when_it_is_stopped(database, clock, leave, rows):
    stuck = asyncio.Event()

    async def publish(_job_ids):
        stuck.set()
        await asyncio.Event().wait()

    await leave(2)
    relay = Relay(database=database, publish=publish, clock=clock)
    async with running(relay.run):
        await stuck.wait()
    assert [row.publish_time for row in await rows()] == [None, None]
