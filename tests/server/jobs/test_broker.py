"""The stream: ids and nothing else, through death, outage and malice."""

import asyncio
import json
import pickle
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from server.jobs.broker import STREAM, TASK, JobBroker
from server.jobs.consumer import Consumer

_SOON = 20


@pytest.fixture
async def client(own_valkey):
    client = Redis.from_url(own_valkey.url)
    yield client
    await client.aclose()


@asynccontextmanager
async def consuming(broker, run_job, concurrency=4, grace=5.0):
    consumer = Consumer(broker=broker, run_job=run_job, concurrency=concurrency, grace=grace)
    task = asyncio.create_task(consumer.run())
    try:
        yield consumer
    finally:
        consumer.stop()
        await task


class Runs:
    """Notes the ids it is given."""

    def __init__(self):
        self.ids = asyncio.Queue()

    async def __call__(self, job_id):
        self.ids.put_nowait(job_id)

    async def next(self):
        return await asyncio.wait_for(self.ids.get(), _SOON)


async def nothing_pending(client):
    while True:
        groups = await client.xinfo_groups(STREAM)
        if groups[0]["pending"] == 0 and groups[0]["lag"] == 0:
            return
        await asyncio.sleep(0.01)


async def test_carries_the_id_and_nothing_else(broker, client):
    job_id = uuid4()
    await broker.publish([job_id])
    ((_, fields),) = await client.xrange(STREAM)
    assert {name: json.loads(value) for name, value in fields.items()} == {
        b"data": {"job_id": str(job_id)}
    }


async def test_runs_what_is_published_and_acknowledges_it(broker, client):
    runs = Runs()
    ids = {uuid4() for _ in range(30)}
    async with consuming(broker, runs):
        await broker.publish(ids)
        assert {await runs.next() for _ in ids} == ids
        await asyncio.wait_for(nothing_pending(client), _SOON)


async def test_takes_what_was_published_before_there_was_a_worker(broker):
    runs = Runs()
    job_id = uuid4()
    await broker.publish([job_id])
    async with consuming(broker, runs):
        assert await runs.next() == job_id


class Boom:
    """A pickle of it would leave a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


async def test_a_pickle_is_refused_without_being_unpickled(broker, client, tmp_path):
    runs = Runs()
    proof = tmp_path / "proof"
    payload = pickle.dumps(Boom(proof))
    pickle.loads(payload)  # noqa: S301 - shows that the payload bites
    assert proof.exists()
    proof.unlink()
    await client.xadd(STREAM, {b"data": payload})
    job_id = uuid4()
    await broker.publish([job_id])
    async with consuming(broker, runs):
        assert await runs.next() == job_id
        await asyncio.wait_for(nothing_pending(client), _SOON)
    assert not proof.exists()


ALIEN = [
    {b"data": b""},
    {b"data": b"\xff\xfe"},
    {b"data": b"7"},
    {b"data": b"[" * 100_000},
    {b"data": b'{"job_id": "' + b"a" * 10_000_000 + b'"}'},
    {b"data": b'{"job_id": "not a uuid"}'},
    {b"data": b'{"job_id": {"job_id": 7}}'},
    {b"data": json.dumps({"job_id": str(uuid4()), "more": 1}).encode()},
    {b"data": json.dumps({"task_id": "x", "task_name": TASK, "labels": {}, "args": [str(uuid4())],
                          "kwargs": {}}).encode()},
    {b"no data": b"here"},
]  # fmt: skip


@pytest.mark.parametrize("entry", ALIEN, ids=range(len(ALIEN)))
async def test_anything_else_is_put_aside(broker, client, entry):
    runs = Runs()
    await client.xadd(STREAM, entry)
    job_id = uuid4()
    await broker.publish([job_id])
    async with consuming(broker, runs):
        assert await runs.next() == job_id
        await asyncio.wait_for(nothing_pending(client), _SOON)
    assert runs.ids.empty()


async def test_takes_over_from_a_dead_worker_while_nothing_new_arrives(own_valkey, client):
    dead = JobBroker(url=own_valkey.url, read_count=10)
    job_id = uuid4()
    await dead.publish([job_id])
    reading = dead.listen()
    await anext(reading)
    await reading.aclose()
    await dead.shutdown()

    runs = Runs()
    alive = JobBroker(url=own_valkey.url, read_count=10, reclaim_after=0.1)
    async with consuming(alive, runs):
        assert await runs.next() == job_id
        await asyncio.wait_for(nothing_pending(client), _SOON)
    await alive.shutdown()


async def test_goes_on_after_the_stream_was_lost(broker, client):
    runs = Runs()
    async with consuming(broker, runs):
        await broker.publish([uuid4()])
        await runs.next()
        await client.flushall()
        job_id = uuid4()
        await broker.publish([job_id])
        assert await runs.next() == job_id


async def test_waits_for_valkey_and_goes_on_after_it_was_away(broker, own_valkey):
    await own_valkey.stop(5)
    runs = Runs()
    async with consuming(broker, runs):
        for _ in range(2):
            await own_valkey.start()
            job_id = uuid4()
            await broker.publish([job_id])
            assert await runs.next() == job_id
            await own_valkey.stop(5)


async def test_a_job_that_ends_during_an_outage_is_no_trouble(broker, own_valkey):
    entered, leave = asyncio.Event(), asyncio.Event()

    async def run(_job_id):
        entered.set()
        await leave.wait()

    async with consuming(broker, run):
        await broker.publish([uuid4()])
        await entered.wait()
        await own_valkey.stop(5)
        leave.set()


async def test_runs_no_more_at_once_than_it_may(broker):
    running, most, left = 0, 0, 20
    done = asyncio.Event()

    async def run(_job_id):
        nonlocal running, most, left
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        left -= 1
        if left == 0:
            done.set()

    for _ in range(20):
        await broker.publish([uuid4()])
    async with consuming(broker, run, concurrency=3):
        await asyncio.wait_for(done.wait(), _SOON)
    assert most == 3


async def test_lets_a_running_job_end_before_it_stops(broker, client):
    entered, ended = asyncio.Event(), False

    async def run(_job_id):
        nonlocal ended
        entered.set()
        await asyncio.sleep(0.2)
        ended = True

    await broker.publish([uuid4()])
    async with consuming(broker, run):
        await entered.wait()
    assert ended
    assert (await client.xpending(STREAM, "workers"))["pending"] == 0


async def test_cuts_off_what_does_not_end(broker):
    entered, cut_off = asyncio.Event(), False

    async def run(_job_id):
        nonlocal cut_off
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cut_off = True
            raise

    await broker.publish([uuid4()])
    async with consuming(broker, run, grace=0.05):
        await entered.wait()
    assert cut_off


async def test_takes_nothing_more_once_it_is_stopping(broker):
    entered, leave = asyncio.Event(), asyncio.Event()
    ran = []

    async def run(job_id):
        ran.append(job_id)
        entered.set()
        await leave.wait()

    first, second = uuid4(), uuid4()
    await broker.publish([first])
    async with consuming(broker, run) as consumer:
        await entered.wait()
        consumer.stop()
        await asyncio.sleep(0)
        await broker.publish([second])
        leave.set()
    assert ran == [first]


async def test_forgets_readers_that_are_long_gone(own_valkey, client, monkeypatch):
    monkeypatch.setattr("server.jobs.broker._FORGET_SECONDS", -1)
    for _ in range(3):
        broker = JobBroker(url=own_valkey.url, read_count=1)
        runs = Runs()
        async with consuming(broker, runs):
            await broker.publish([uuid4()])
            await runs.next()
            await asyncio.wait_for(nothing_pending(client), _SOON)
        await broker.shutdown()
    assert len(await client.xinfo_consumers(STREAM, "workers")) == 1
