"""One core for all tests of a module: they keep out of each other's way by using fresh accounts."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.server.running_core import RunningCore, core_settings, running_core


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_core(database_url: str, valkey_url: str) -> AsyncIterator[RunningCore]:
    async with running_core(core_settings(database_url, valkey_url)) as running:
        yield running


@pytest.fixture
def core(shared_core: RunningCore) -> Iterator[RunningCore]:
    """The core of the module, at the present time."""
    yield shared_core
    shared_core.clock.back_to_the_present()
