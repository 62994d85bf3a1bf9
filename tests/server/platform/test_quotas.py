"""Budgets: shared through Valkey, kept alone without it, and never a reason to wait."""

import asyncio
import time
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from server.platform import quotas as module
from server.platform import valkey
from server.platform.quotas import Quotas
from tests.eventually import soon

PER_MINUTE = 5


class Time:
    """Stands in for the module `time`; tests move its monotonic clock."""

    time = staticmethod(time.time)

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


class SilentServer:
    """Takes connections and commands, and never says a word."""

    def __init__(self) -> None:
        self.connections = 0
        self._writers: list[asyncio.StreamWriter] = []

    def take(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


@pytest.fixture
def clock(monkeypatch):
    clock = Time()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def key():
    """A key that no other test has spent anything of."""
    return uuid4().hex


@asynccontextmanager
async def quotas_at(url: str, *, scale: float = 1.0):
    client = valkey.connect(url)
    yield Quotas(valkey=client, scale=scale)
    await client.aclose(close_connection_pool=True)


@pytest.fixture
async def quotas(valkey_url):
    async with quotas_at(valkey_url) as quotas:
        yield quotas


@pytest.fixture
async def another(valkey_url):
    """The budgets as another process sees them."""
    async with quotas_at(valkey_url) as quotas:
        yield quotas


@pytest.fixture
async def silent():
    server = SilentServer()
    listener = await asyncio.start_server(server.take, "127.0.0.1", 0)
    server.url = f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    yield server
    server.close()
    listener.close()


async def taken(quotas, key, number, *, budget="read", per_minute=PER_MINUTE, lease=1):
    """How many of so many calls were allowed."""
    waits = [
        await quotas.take(budget, key, per_minute=per_minute, lease=lease) for _ in range(number)
    ]
    return waits.count(None)


@pytest.mark.compatibility
async def test_a_budget_is_given_out_once(quotas, key):
    assert await taken(quotas, key, 20) == PER_MINUTE


async def test_who_is_refused_is_told_how_long_to_wait(quotas, key):
    await taken(quotas, key, PER_MINUTE)

    wait = await quotas.take("read", key, per_minute=PER_MINUTE, lease=1)

    assert 1.0 <= wait <= 60.0


async def test_keys_and_budgets_do_not_touch_each_other(quotas, key):
    await taken(quotas, key, 10)

    assert await taken(quotas, f"{key}2", 10) == PER_MINUTE
    assert await taken(quotas, key, 10, budget="write") == PER_MINUTE


@pytest.mark.parametrize(("scale", "expected"), [(2.0, 10), (0.5, 2), (0.0001, 1)])
async def test_budgets_are_scaled_but_never_to_nothing(valkey_url, key, scale, expected):
    async with quotas_at(valkey_url, scale=scale) as quotas:
        assert await taken(quotas, key, 20) == expected


@pytest.mark.compatibility
async def test_processes_share_a_budget(quotas, another, key):
    shares = await asyncio.gather(*(taken(each, key, 20) for each in (quotas, another)))

    assert sum(shares) == PER_MINUTE


class TestLeases:
    async def test_a_budget_can_be_spent_to_its_end(self, quotas, key):
        assert await taken(quotas, key, 40, per_minute=25, lease=10) == 25

    async def test_processes_never_spend_more_than_there_is(self, quotas, another, key):
        shares = [
            await taken(each, key, 1, per_minute=25, lease=10)
            for each in (quotas, another, quotas, another) * 20
        ]

        assert sum(shares) == 25

    async def test_a_lease_saves_the_way_to_valkey(self, quotas, key, valkey_url):
        await taken(quotas, key, 1, per_minute=1000, lease=100)
        async with Redis.from_url(valkey_url) as client:
            before = (await client.info("stats"))["total_commands_processed"]
            assert await taken(quotas, key, 99, per_minute=1000, lease=100) == 99
            after = (await client.info("stats"))["total_commands_processed"]

        assert after - before == 1

    async def test_a_lease_lapses_after_a_minute(self, quotas, key, clock):
        await taken(quotas, key, 1, per_minute=10, lease=10)
        clock.ahead = 61

        assert await taken(quotas, key, 10, per_minute=10, lease=10) == 0

    async def test_a_lease_bigger_than_the_budget_is_not_taken(self, quotas, key):
        assert await taken(quotas, key, 20, per_minute=5, lease=200) == 5


class TestWithoutValkey:
    async def test_each_process_counts_for_itself(self, tmp_path, key):
        url = f"unix://{tmp_path}/nothing.sock"
        async with quotas_at(url) as one, quotas_at(url) as other:
            assert [await taken(each, key, 20) for each in (one, other)] == [PER_MINUTE] * 2

    async def test_nobody_waits_while_one_finds_out(self, silent, key, clock):
        async with quotas_at(silent.url) as quotas, asyncio.timeout(20):
            await quotas.take("read", key, per_minute=100, lease=1)
            clock.ahead = 2
            at_first = silent.connections
            finds_out = asyncio.create_task(quotas.take("read", key, per_minute=100, lease=1))
            await soon(lambda: silent.connections > at_first)

            assert await taken(quotas, key, 50, per_minute=100) == 50
            assert not finds_out.done()
            assert await finds_out is None

    async def test_a_valkey_that_hangs_costs_one_call_a_little_time(self, silent, key):
        async with quotas_at(silent.url) as quotas, asyncio.timeout(20):
            await quotas.take("read", key, per_minute=100, lease=1)
            after_one = silent.connections

            assert await taken(quotas, key, 50, per_minute=100) == 50
            assert silent.connections == after_one

    async def test_one_that_comes_back_counts_again(self, valkey_url, tmp_path, key, clock):
        nowhere = f"unix://{tmp_path}/nothing.sock"
        async with quotas_at(nowhere) as quotas, quotas_at(valkey_url) as reachable:
            await taken(reachable, key, PER_MINUTE)
            await taken(quotas, key, 1)
            quotas._shared = reachable._shared
            assert await taken(quotas, key, 1) == 1
            clock.ahead = 2

            assert await taken(quotas, key, 1) == 0

    async def test_one_that_lost_everything_counts_from_nothing(self, quotas, key, valkey_url):
        await taken(quotas, key, 20)
        async with Redis.from_url(valkey_url) as client:
            for name in await client.keys(f"*{key}*"):
                await client.delete(name)
            await client.script_flush()

        assert await taken(quotas, key, 20) == PER_MINUTE
