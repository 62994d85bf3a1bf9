"""A running core for the tests of its parts."""

from collections.abc import AsyncIterator

import pytest

from tests.server.running_core import RunningCore, core_settings, running_core


@pytest.fixture
async def core(database_url: str, valkey_url: str) -> AsyncIterator[RunningCore]:
    """A core with cheap hashes and wide budgets."""
    async with running_core(core_settings(database_url, valkey_url)) as running:
        yield running
