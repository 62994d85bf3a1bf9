"""Hearing of changes: what is remembered is never older than what was heard."""

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest

from server.platform import changes as module
from server.platform.changes import Changes
from server.platform.database import Database, connection_arguments
from server.users.directory import Directory
from tests.eventually import soon
from tests.server.platform.wires import wire_to

NEW_USER = """
INSERT INTO users.users VALUES ($1, $2, $2, true, 'Ada', 'en', 'active', 1, now(), now())
"""
RENAME = "UPDATE users.users SET display_name = $2 WHERE user_id = $1"
END_LISTENER = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'limen-changes'
"""


class Process:
    """What a process has: a pool, a listener, and a memory of accounts."""

    def __init__(self, database: Database, url: str) -> None:
        self.heard: list[tuple[str, str]] = []
        self.changes = Changes(url=url, database=database)
        self.directory = Directory(database=database, may_keep=self.changes.is_live)
        self.changes.on_gap(self.directory.forget_all)
        database.on_change(lambda kind, key: self.heard.append((kind, key)))

    async def is_live(self) -> None:
        await soon(self.changes.is_live)

    async def is_deaf(self) -> None:
        await soon(lambda: not self.changes.is_live())

    async def name(self, user_id) -> str:
        account = await self.directory.account(user_id)
        return account.user.display_name

    def remembers(self, user_id) -> bool:
        return self.directory._accounts.known(user_id) is not None


@pytest.fixture
async def owner(database_url):
    connection = await asyncpg.connect(**connection_arguments(database_url))
    yield connection
    await connection.close()


@pytest.fixture
async def user_id(owner):
    user_id = uuid4()
    await owner.execute(NEW_USER, user_id, f"{user_id}@example.com")
    return user_id


@pytest.fixture
def process_on(database_url):
    @asynccontextmanager
    async def process_on(url):
        database = Database(url=database_url, pool=2, pool_timeout=5, name="limen-test")
        process = Process(database, url)
        listening = asyncio.create_task(process.changes.run())
        try:
            yield process
        finally:
            listening.cancel()
            await asyncio.wait([listening])
            await database.close()

    return process_on


@pytest.fixture
async def process(process_on, database_url):
    async with process_on(database_url) as process:
        await process.is_live()
        yield process


async def test_a_change_made_by_hand_is_heard(process, owner, user_id):
    assert await process.name(user_id) == "Ada"

    await owner.execute(RENAME, user_id, "Grace")

    await soon(lambda: process.heard == [("user", str(user_id))])
    assert await process.name(user_id) == "Grace"


async def test_whatever_matters_is_announced(process, owner, user_id):
    session, event, now = uuid4(), uuid4(), "now(), now()"
    insert_session = f"""
        INSERT INTO auth.sessions
        (session_id, user_id, create_time, last_use_time, expire_time, proof_time, amr, user_agent,
         network)
        VALUES ($1, $2, {now}, {now}, '{{pwd}}', '', '')
    """  # noqa: S608 - a constant
    await owner.execute(insert_session, session, user_id)
    await owner.execute("UPDATE auth.sessions SET last_use_time = now()")
    await owner.execute("UPDATE auth.sessions SET revoke_time = now()")
    await owner.execute("INSERT INTO users.role_grants VALUES ($1, 'admin', now())", user_id)
    await owner.execute("DELETE FROM users.role_grants WHERE user_id = $1", user_id)
    await owner.execute(
        "INSERT INTO audit.events VALUES ($1, now(), 'a', 'success', '', '', '', '', '', '', '{}')",
        event,
    )
    await owner.execute("INSERT INTO audit.places VALUES (0, $1)", event)
    await owner.execute(
        f"INSERT INTO jobs.outbox VALUES ('{uuid4()}', 'a', '{{}}', {now})"  # noqa: S608 - an id
    )

    expected = ["session", "revocation", "user", "user", "audit", "jobs"]
    await soon(lambda: len(process.heard) == len(expected))
    assert [kind for kind, _ in process.heard] == expected
    assert process.heard[0] == ("session", str(session))


async def test_what_was_taken_back_is_not_heard(process, owner, user_id):
    taken_back = owner.transaction()
    await taken_back.start()
    await owner.execute(RENAME, user_id, "Nobody")
    await taken_back.rollback()
    await owner.execute(RENAME, user_id, "Grace")

    await soon(lambda: process.heard == [("user", str(user_id))])


async def test_a_lost_connection_empties_the_memory_and_comes_back(process, owner, user_id):
    await process.name(user_id)
    assert process.remembers(user_id)

    await owner.execute(END_LISTENER)
    await soon(lambda: not process.remembers(user_id))
    await process.is_live()

    await process.name(user_id)
    assert process.remembers(user_id)
    await owner.execute(RENAME, user_id, "Grace")
    await soon(lambda: not process.remembers(user_id))


async def test_nothing_is_remembered_while_changes_go_unheard(
    process_on, database_url, owner, user_id
):
    async with wire_to(database_url) as (wire, url), process_on(url) as process:
        await process.is_live()
        await process.name(user_id)
        await wire.cut()
        await process.is_deaf()

        assert not process.remembers(user_id)
        for name in ("Grace", "Joan"):
            await owner.execute(RENAME, user_id, name)
            assert await process.name(user_id) == name
        assert not process.remembers(user_id)

        await wire.mend()
        await process.is_live()
        assert await process.name(user_id) == "Joan"
        assert process.remembers(user_id)


async def test_a_load_from_before_the_gap_is_not_remembered_after_it(process, owner, user_id):
    await process.directory.account(user_id)
    process.directory.forget_all()
    lock = owner.transaction()
    await lock.start()
    await owner.execute("LOCK users.users")
    loading = asyncio.create_task(process.directory.account(user_id))
    await soon(lambda: process.directory._accounts._loading)
    process.changes._set_live(value=False)
    process.changes._set_live(value=True)
    await lock.commit()

    assert (await loading).user.display_name == "Ada"
    assert not process.remembers(user_id)


async def test_a_connection_that_falls_silent_is_noticed(
    process_on, database_url, user_id, monkeypatch
):
    monkeypatch.setattr(module, "_PROBE_SECONDS", 0.1)
    async with wire_to(database_url) as (wire, url), process_on(url) as process:
        await process.is_live()
        await process.name(user_id)
        wire.hold()

        await process.is_deaf()
        assert not process.remembers(user_id)


async def test_a_notice_that_says_nothing_harms_nothing(process, owner, user_id):
    for payload in ("", "user", "user:", "user:not an id", "session:\u00e9", "x:y:z", ":"):
        await owner.execute("SELECT pg_notify('limen_changes', $1)", payload)
    await process.name(user_id)
    await owner.execute(RENAME, user_id, "Grace")

    await soon(lambda: not process.remembers(user_id))
    assert process.changes.is_live()
