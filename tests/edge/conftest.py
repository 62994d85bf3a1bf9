"""An edge in front of a core that does as it is told.

To build an edge takes half a second, so the tests of a module share one, and a loop to run it in:
such modules set `pytestmark = pytest.mark.asyncio(loop_scope="module")`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from edge.app import build
from edge.lifecycle import Lifecycle
from edge.settings import Profile, Settings
from tests.edge.asgi import Log
from tests.edge.fake_core import FakeCore
from tests.edge.lifespan import living

PUBLIC_URL = "https://id.example"
EDGE_SECRET = "the-secret-between-edge-and-core"

Open = Callable[..., Awaitable[httpx.AsyncClient]]


@dataclass
class House:
    """What the tests of a module share."""

    core: FakeCore
    log: Log
    lifecycle: Lifecycle
    data_dir: Path
    client: httpx.AsyncClient | None = None

    @asynccontextmanager
    async def open(self, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        given = {
            "profile": Profile.TEST,
            "public_url": PUBLIC_URL,
            "data_dir": self.data_dir,
            "grpc_address": (self.core.address,),
            "edge_secret": EDGE_SECRET,
        }
        app = build(Settings(**(given | settings)), log=self.log, lifecycle=self.lifecycle)
        transport = httpx.ASGITransport(app, client=("203.0.113.9", 4711))
        async with (
            living(app),
            httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client,
        ):
            yield client


@pytest.fixture
def log() -> Log:
    return Log()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory) -> AsyncIterator[House]:
    core = FakeCore()
    await core.start()
    house = House(core, Log(), Lifecycle(), tmp_path_factory.mktemp("data"))
    async with house.open() as house.client:
        yield house
    await core.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def core(house) -> AsyncIterator[FakeCore]:
    """The core, which has been told nothing yet."""
    house.core.reactions.clear()
    house.core.calls.clear()
    house.core.was_called.clear()
    yield house.core
    if not house.core.is_running:
        await house.core.start()


@pytest_asyncio.fixture(loop_scope="module")
async def edge(house, core) -> httpx.AsyncClient:
    """A client of the shared edge, which has ordinary settings, once that sees the core."""
    while (await house.client.get("/readyz")).status_code != 200:
        pass
    core.calls.clear()
    house.client.cookies.clear()
    house.log.lines.clear()
    return house.client


@pytest_asyncio.fixture(loop_scope="module")
async def open_edge(house, core) -> AsyncIterator[Open]:  # noqa: ARG001  # resets the core
    """Makes clients of edges with other settings."""
    async with AsyncExitStack() as stack:

        async def open_edge(**settings: Any) -> httpx.AsyncClient:
            return await stack.enter_async_context(house.open(**settings))

        yield open_edge
