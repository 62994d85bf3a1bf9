"""Calls that come at once share what there is."""

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from server.platform import valkey
from server.platform.quotas import Quotas


@asynccontextmanager
async def quotas_at(url):
    client = valkey.connect(url)
    yield Quotas(valkey=client, scale=1.0)
    await client.aclose(close_connection_pool=True)


async def at_once(quotas, calls, *, per_minute, lease):
    key = uuid4().hex
    waits = await asyncio.gather(
        *(quotas.take("read", key, per_minute=per_minute, lease=lease) for _ in range(calls))
    )
    return waits.count(None)


@pytest.mark.parametrize(("per_minute", "lease"), [(3000, 200), (300, 200), (160, 50)])
async def test_a_cold_burst_within_the_budget_is_served(valkey_url, per_minute, lease):
    async with quotas_at(valkey_url) as quotas:
        assert await at_once(quotas, 160, per_minute=per_minute, lease=lease) == 160


async def test_a_burst_beyond_the_budget_gets_exactly_the_budget(valkey_url):
    async with quotas_at(valkey_url) as quotas:
        assert await at_once(quotas, 160, per_minute=100, lease=30) == 100


async def test_a_cancelled_call_holds_nobody_up(valkey_url):
    async with quotas_at(valkey_url) as quotas:
        first = asyncio.create_task(quotas.take("read", "k" * 8, per_minute=300, lease=200))
        await asyncio.sleep(0)
        first.cancel()

        assert await quotas.take("read", "k" * 8, per_minute=300, lease=200) is None
