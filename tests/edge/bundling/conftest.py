"""A bundling channel in front of a core that does as it is told."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from edge.bundling.channel import BundlingChannel
from edge.channel import MAX_MESSAGE, open_channel
from tests.edge.asgi import Log
from tests.edge.bundling.relay_core import RelayCore
from tests.eventually import soon

PROOF = (("limen-edge-secret", "the secret"),)

Open = Callable[..., Awaitable[BundlingChannel]]


@pytest.fixture
async def core() -> AsyncIterator[RelayCore]:
    core = RelayCore()
    await core.start()
    yield core
    await core.stop()


@pytest.fixture
async def open_bundling(core, log: Log) -> AsyncIterator[Open]:
    """Makes channels, started or not."""
    async with AsyncExitStack() as stack:

        async def open_bundling(*, start: bool = True, **changes: Any) -> BundlingChannel:
            options = {"proof": PROOF, "count": 1, "max_bytes": MAX_MESSAGE, "log": log}
            channel = BundlingChannel(open_channel(f"ipv4:{core.address}"), **(options | changes))
            stack.push_async_callback(channel.close)
            if start:
                channel.start()
            return channel

        yield open_bundling


@pytest.fixture
async def channel(open_bundling) -> BundlingChannel:
    """A channel whose one stream is open."""
    channel = await open_bundling()
    await soon(lambda: is_open(channel))
    return channel


def is_open(channel: BundlingChannel, count: int = 1) -> bool:
    return len(channel._streams._open) == count


def call(channel: BundlingChannel, request: bytes = b"hello", **options: Any) -> Any:
    """Makes one call."""
    options = {"metadata": (("x-request-id", "test"), *PROOF), "timeout": 10.0} | options
    return channel.unary_unary("/test.Service/Call")(request, **options)
