"""A core whose log can be read."""

import io
import json
from contextlib import AsyncExitStack, redirect_stdout

import pytest

from tests.eventually import soon
from tests.server.running_core import core_settings, running_core


class CallLines:
    """The lines that calls leave in the log."""

    def __init__(self) -> None:
        self._written = io.BytesIO()
        self.stdout = io.TextIOWrapper(self._written, write_through=True)

    def read(self, **fields: str) -> list[dict]:
        """Those with these values, so far."""
        lines = self._written.getvalue().splitlines()
        read = [json.loads(line) for line in lines if line.startswith(b'{"event":"rpc"')]
        return [line for line in read if fields.items() <= line.items()]

    async def wait(self, **fields: str) -> list[dict]:
        """The same, once there are any: some are written after their call was answered."""
        return await soon(lambda: self.read(**fields))


@pytest.fixture
def log():
    return CallLines()


@pytest.fixture
async def core(log, database_url, valkey_url):
    async with AsyncExitStack() as stack:
        core = running_core(core_settings(database_url, valkey_url))
        with redirect_stdout(log.stdout):
            running = await stack.enter_async_context(core)
        yield running


@pytest.fixture
def request_id(core):
    """The id of the next call, as its caller chose it."""
    return core.domain.entropy.token(8).hex()
