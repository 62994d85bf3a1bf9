"""Revisions: forward and back, with rows in every table, from several processes at once."""

import asyncio
import itertools
import sys
from uuid import uuid4

import asyncpg
import pytest

from server.platform import migrations
from server.platform.database import connection_arguments

SCHEMAS = ["apikeys", "audit", "auth", "factors", "jobs", "users"]
TABLES = """
SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = ANY($1) ORDER BY 1
"""
COLUMNS = """
SELECT column_name, data_type FROM information_schema.columns
WHERE table_schema || '.' || table_name = $1 AND column_default IS NULL
ORDER BY ordinal_position
"""
# Everything that a schema is made of and that a revision could forget on its way.
SHAPE = """
SELECT 'column', table_schema, table_name, column_name || ' ' || data_type || ' ' || is_nullable
    || ' ' || coalesce(column_default, '')
FROM information_schema.columns WHERE table_schema = ANY($1)
UNION ALL
SELECT 'index', schemaname, tablename, indexdef FROM pg_indexes WHERE schemaname = ANY($1)
UNION ALL
SELECT 'constraint', n.nspname, c.conname, pg_get_constraintdef(c.oid)
FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname = ANY($1)
UNION ALL
SELECT 'trigger', trigger_schema, event_object_table, trigger_name || ' ' || event_manipulation
FROM information_schema.triggers WHERE trigger_schema = ANY($1)
UNION ALL
SELECT 'grant', table_schema, table_name, grantee || ' ' || privilege_type
FROM information_schema.role_table_grants
WHERE table_schema = ANY($1) AND grantee = 'limen_app'
ORDER BY 1, 2, 3, 4
"""
SAMPLES = {
    "uuid": "'{id}'",
    "text": "'{text}'",
    "boolean": "true",
    "bigint": "{number}",
    "integer": "1",
    "bytea": "'\\x{number:08x}'",
    "jsonb": "'{{}}'",
    "ARRAY": "'{{pwd}}'",
    "timestamp with time zone": "now()",
}
ALLOWED = {"state": "active", "outcome": "success", "purpose": "register"}
NUMBERS = itertools.count(1)
UPGRADE = """
import asyncio, sys
from server.platform import migrations
print(asyncio.run(migrations.upgrade(sys.argv[1])))
"""


class Schema:
    """A database as its owner sees it."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(**connection_arguments(self.url))
        try:
            return await connection.fetch(statement, *values)
        finally:
            await connection.close()

    async def tables(self) -> list[str]:
        return [row[0] for row in await self.fetch(TABLES, SCHEMAS)]

    async def shape(self) -> list[tuple[str, ...]]:
        return [tuple(row) for row in await self.fetch(SHAPE, SCHEMAS)]

    async def fill(self, *, all_with_id: str) -> None:
        """Puts a row into every table, whatever its columns are; parents first."""
        for table in sorted(await self.tables(), key=_parents_first):
            columns = await self.fetch(COLUMNS, table)
            names = ", ".join(f'"{name}"' for name, _ in columns)
            values = ", ".join(_sample(name, kind, all_with_id) for name, kind in columns)
            await self.fetch(f"INSERT INTO {table} ({names}) VALUES ({values})")  # noqa: S608 - names from the catalogue

    async def count(self) -> int:
        counts = [
            (await self.fetch(f"SELECT count(*) FROM {table}"))[0][0]  # noqa: S608 - as above
            for table in await self.tables()
        ]
        assert len(set(counts)) == 1
        return counts[0]


def _parents_first(table: str) -> tuple[bool, str]:
    return table not in {"users.users", "audit.events"}, table


def _sample(name: str, kind: str, shared_id: str) -> str:
    text = ALLOWED.get(name, f"{name} {uuid4()}")
    return SAMPLES[kind].format(id=shared_id, text=text, number=next(NUMBERS))


@pytest.fixture
async def schema(empty_database_url):
    schema = Schema(empty_database_url)
    yield schema
    await migrations.downgrade(empty_database_url, "base")


@pytest.mark.compatibility
async def test_forward_back_and_forward_again_with_rows_in_every_table(schema):
    assert await migrations.upgrade(schema.url)
    shape = await schema.shape()
    await schema.fill(all_with_id=str(uuid4()))
    assert await schema.count() == 1

    assert await migrations.downgrade(schema.url, "base")
    assert await schema.tables() == []

    assert await migrations.upgrade(schema.url)
    assert await schema.shape() == shape
    assert await schema.count() == 0
    await schema.fill(all_with_id=str(uuid4()))


async def test_every_revision_can_be_taken_back_alone(schema):
    await migrations.upgrade(schema.url)
    shapes = []
    while shape := await schema.shape():
        shapes.append(shape)
        await schema.fill(all_with_id=str(uuid4()))
        await migrations.downgrade(schema.url, "-1")
    for shape in reversed(shapes):
        await migrations.upgrade(schema.url, "+1")
        assert await schema.shape() == shape


async def test_nothing_happens_twice(schema):
    first, *others = [await migrations.upgrade(schema.url) for _ in range(3)]
    await schema.fill(all_with_id=str(uuid4()))

    assert (first, others) == (True, [False, False])
    assert not await migrations.upgrade(schema.url)
    assert await schema.count() == 1


async def test_taking_back_what_is_not_there_changes_nothing(schema):
    assert not await migrations.downgrade(schema.url, "base")


async def test_of_processes_that_come_together_one_works(schema):
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", UPGRADE, schema.url), stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    answers = [(await process.communicate())[0].strip() for process in processes]

    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(answers) == [b"False", b"True"]
    await schema.fill(all_with_id=str(uuid4()))


async def test_a_failure_leaves_nothing_behind(schema):
    # Something in the way of the third of the four schemas.
    await schema.fetch("CREATE SCHEMA audit")
    try:
        with pytest.raises(asyncpg.DuplicateSchemaError):
            await migrations.upgrade(schema.url)
        assert await schema.tables() == []
    finally:
        await schema.fetch("DROP SCHEMA audit")

    assert await migrations.upgrade(schema.url)


async def test_the_application_may_do_its_work_and_not_rewrite_history(schema):
    await migrations.upgrade(schema.url)
    grants: dict[str, set[str]] = {}
    for kind, place, table, text in await schema.shape():
        if kind == "grant":
            grants.setdefault(f"{place}.{table}", set()).add(text.split()[1])

    everything = {"SELECT", "INSERT", "UPDATE", "DELETE"}
    history = {"audit.events", "audit.places"}
    assert set(grants) == set(await schema.tables())
    assert {name for name, held in grants.items() if held != everything} == history | {
        "audit.pending"
    }
    assert all(grants[name] == {"SELECT", "INSERT"} for name in history)
