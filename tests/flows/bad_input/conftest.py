"""One system for all attacks, and who makes them."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.databases import Databases
from tests.flows.bad_input.house import STRANGER, House, Someone
from tests.flows.bad_input.rpcs import Rpc
from tests.system import System

SETTINGS = {
    "LIMEN_RATE_LIMIT_SCALE": "1000",
    "LIMEN_ARGON2_MEMORY_KIB": "64",
    "LIMEN_ARGON2_TIME": "1",
    "LIMEN_LOG_LEVEL": "WARNING",
}
LOUD = (b'"level":"error"', b"core_failed", b"Traceback")


@pytest.fixture(scope="package")
def database_url(embedded_databases: Databases) -> Iterator[str]:
    """A database for this folder."""
    with embedded_databases.migrated() as url:
        yield url


@pytest.fixture(scope="package")
def limen(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[System]:
    """A system of our own: what is sent here would use up the budgets of others."""
    folder = tmp_path_factory.mktemp("bad-input")
    with System(folder, **SETTINGS, LIMEN_DATABASE_URL=database_url) as system:
        yield system


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def house(limen: System, database_url: str) -> AsyncIterator[House]:
    house = await House.enter(limen, database_url)
    yield house
    await house.leave()


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def somebody(house: House) -> Someone:
    """An administrator for calls that do not end their session."""
    return await house.someone("admin")


@pytest.fixture
def caller(rpc: Rpc, somebody: Someone) -> Someone:
    """Who may call an RPC."""
    return STRANGER if rpc.is_public else somebody


@pytest.fixture(autouse=True)
def quiet(limen: System) -> Iterator[None]:
    """Whatever is sent, no part of the system takes it for a failure of its own."""
    begin = limen.output.stat().st_size
    yield
    with limen.output.open("rb") as output:
        output.seek(begin)
        loud = [line for line in output if any(word in line for word in LOUD)]
    assert not loud, b"".join(loud[:5]).decode()
