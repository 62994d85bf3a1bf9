"""Real parts for tests: PostgreSQL, Valkey, the whole of limen, a browser.

- `database_url`, `empty_database_url`: a database for the test module, with and without a schema.
- `valkey_url`: an empty Valkey for the test module.
- `limen`: everything, as `limen up` runs it (`tests.system.System`), one for the session.
- `chromium`: the path of a browser.

Everything is embedded. Tests marked `compatibility` run once more, each with the servers that
happen to listen on the standard ports of this machine, if there are any.
"""

import asyncio
import functools
import shutil
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from redis import Redis

from server.platform.embedded.directory import DataDirectory
from server.platform.embedded.postgres import EmbeddedPostgres
from server.platform.embedded.servers import EmbeddedServers
from server.platform.embedded.valkey import EmbeddedValkey
from tests.databases import Databases, can_connect
from tests.system import System

_EMBEDDED, _OF_THIS_MACHINE = "embedded", "of_this_machine"
_POSTGRES_OF_THIS_MACHINE = "postgresql+asyncpg://postgres@127.0.0.1:5432/{}"
_VALKEY_OF_THIS_MACHINE = "redis://127.0.0.1:6379/15"
_OUR_KEYS = "limen:*"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

Run = Callable[[Awaitable[Any]], Any]


def pytest_configure(config: pytest.Config) -> None:
    """Declares the markers."""
    config.addinivalue_line(
        "markers",
        "compatibility: also run with the PostgreSQL and the Redis or Valkey of this machine",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives tests marked `compatibility` a second run, if there is something to run with."""
    if metafunc.definition.get_closest_marker("compatibility") is None:
        return
    for fixtures, is_there in (
        ({"database_url", "empty_database_url"}, _postgres_is_there),
        ({"valkey_url"}, _valkey_is_there),
    ):
        for fixture in fixtures & set(metafunc.fixturenames):
            servers = [_EMBEDDED, _OF_THIS_MACHINE] if is_there() else [_EMBEDDED]
            metafunc.parametrize(fixture, servers, indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Shows what limen printed beside the failure of a test that uses it."""
    report: pytest.TestReport = yield  # type: ignore[assignment]  # pluggy sends the result
    system = getattr(item, "funcargs", {}).get("limen")
    if report.failed and isinstance(system, System):
        report.sections.append(("limen up", system.output.read_text()[-20_000:]))
    return report  # type: ignore[return-value]  # pluggy takes the result


@functools.cache
def _postgres_is_there() -> bool:
    return can_connect(_POSTGRES_OF_THIS_MACHINE.format("postgres"))


@functools.cache
def _valkey_is_there() -> bool:
    try:
        socket.create_connection(("127.0.0.1", 6379), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def run_in_session() -> Iterator[Run]:
    """Runs a coroutine on a loop that lasts as long as the session; no test runs on it."""
    loop = asyncio.new_event_loop()
    yield loop.run_until_complete
    loop.close()


@pytest.fixture(scope="session")
def embedded(
    tmp_path_factory: pytest.TempPathFactory, run_in_session: Run
) -> Iterator[EmbeddedServers]:
    """PostgreSQL and Valkey for the session, faster than safe."""
    with DataDirectory(tmp_path_factory.mktemp("embedded")) as data:
        servers = EmbeddedServers(data, durable=False)
        run_in_session(servers.__aenter__())
        yield servers
        run_in_session(servers.__aexit__(None, None, None))
    shutil.rmtree(data.path)  # Some 50 MB; pytest would keep the last three.


@pytest.fixture(scope="session")
def postgres(embedded: EmbeddedServers) -> EmbeddedPostgres:
    """The embedded PostgreSQL; it has no database of limen's yet."""
    return embedded.postgres


@pytest.fixture(scope="session")
def valkey(embedded: EmbeddedServers) -> EmbeddedValkey:
    """The embedded Valkey."""
    return embedded.valkey


@pytest.fixture(scope="session")
def embedded_databases(postgres: EmbeddedPostgres, run_in_session: Run) -> Databases:
    """Databases of the embedded PostgreSQL. They go with it."""
    return Databases(url_of=postgres.url_of, run=run_in_session)


@pytest.fixture(scope="session")
def databases_of_this_machine(run_in_session: Run) -> Iterator[Databases]:
    """Databases of the PostgreSQL on the standard port."""
    databases = Databases(url_of=_POSTGRES_OF_THIS_MACHINE.format, run=run_in_session)
    yield databases
    databases.close()


def _databases(request: pytest.FixtureRequest) -> Databases:
    foreign = getattr(request, "param", _EMBEDDED) == _OF_THIS_MACHINE
    name = "databases_of_this_machine" if foreign else "embedded_databases"
    databases: Databases = request.getfixturevalue(name)
    return databases


@pytest.fixture(scope="module")
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database with limen's schema, shared by the tests of a module."""
    with _databases(request).migrated() as url:
        yield url


@pytest.fixture(scope="module")
def empty_database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database without anything in it, shared by the tests of a module."""
    with _databases(request).empty() as url:
        yield url


@pytest.fixture(scope="module")
def valkey_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A Valkey without limen's keys, shared by the tests of a module."""
    if getattr(request, "param", _EMBEDDED) == _OF_THIS_MACHINE:
        url = _VALKEY_OF_THIS_MACHINE
    else:
        url = request.getfixturevalue("valkey").url
    yield url
    with Redis.from_url(url) as client:
        for key in client.scan_iter(_OUR_KEYS):
            client.delete(key)


@pytest.fixture(scope="session")
def limen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The whole of limen, started once and used by every test that asks for it."""
    with System(tmp_path_factory.mktemp("limen")) as system:
        yield system
    shutil.rmtree(system.data_dir)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; skips where there is none."""
    for name in _BROWSERS:
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium is installed: apt-get install chromium")
