"""Answers that are written in pieces and sent at once, also to clients that have gone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop

from edge.gathering import GatheringTransport


@asynccontextmanager
async def connection() -> AsyncIterator[tuple[GatheringTransport, asyncio.StreamReader]]:
    """One side that gathers, and what arrives at the other."""
    loop = asyncio.get_running_loop()
    accepted: asyncio.Future[asyncio.Transport] = loop.create_future()

    class Accepting(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            accepted.set_result(transport)

    server = await loop.create_server(Accepting, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield GatheringTransport(await accepted, loop), reader
    finally:
        writer.close()
        server.close()


async def pieces_arrive_together(failures: list[dict[str, object]]) -> None:
    async with connection() as (transport, reader):
        transport.write(b"head ")
        transport.write(b"body")
        assert await reader.read(100) == b"head body"
    assert not failures


async def what_is_held_is_sent_before_the_end(failures: list[dict[str, object]]) -> None:
    async with connection() as (transport, reader):
        transport.write(b"last words")
        transport.close()
        assert await reader.read() == b"last words"
    assert not failures


async def a_client_that_has_gone_is_no_failure(failures: list[dict[str, object]]) -> None:
    async with connection() as (transport, _):
        transport.write(b"nobody reads this")
        transport.abort()
        await asyncio.sleep(0.01)
        transport.write(b"nor this")
        await asyncio.sleep(0.01)
    assert not failures


@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize(
    "scene",
    [
        pieces_arrive_together,
        what_is_held_is_sent_before_the_end,
        a_client_that_has_gone_is_no_failure,
    ],
)
def test_gathering(scene, make_loop: Callable[[], asyncio.AbstractEventLoop]):
    failures: list[dict[str, object]] = []
    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: failures.append(context))
        runner.run(scene(failures))
