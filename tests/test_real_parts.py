"""The fixtures that give tests real parts."""

import asyncpg
import pytest
from redis.asyncio import Redis

from server.platform.database import connection_arguments


@pytest.mark.compatibility
async def test_a_module_has_a_migrated_database_of_its_own(database_url: str) -> None:
    connection = await asyncpg.connect(**connection_arguments(database_url))
    try:
        assert await connection.fetchval("SELECT count(*) FROM limen_schema_version") == 1
        assert (await connection.fetchval("SELECT current_database()")).startswith("limen_test_")
    finally:
        await connection.close()


@pytest.mark.compatibility
async def test_an_empty_database_is_empty(empty_database_url: str) -> None:
    connection = await asyncpg.connect(**connection_arguments(empty_database_url))
    try:
        assert await connection.fetchval("SELECT to_regclass('limen_schema_version')") is None
    finally:
        await connection.close()


@pytest.mark.compatibility
async def test_valkey_answers(valkey_url: str) -> None:
    async with Redis.from_url(valkey_url) as client:
        assert await client.ping()
        assert [key async for key in client.scan_iter("limen:*")] == []
        await client.set("limen:test", "1")
