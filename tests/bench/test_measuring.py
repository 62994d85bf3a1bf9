"""What stands between a measurement and the table."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count

import pytest

from bench.http1 import HttpClient, HttpStatusError
from bench.prober import Result
from bench.processes import together
from bench.rounds import in_turns


async def test_contenders_take_turns_and_the_median_counts() -> None:
    turns: list[str] = []
    clock = count()

    def contender(name: str):
        async def measure() -> float:
            turns.append(name)
            return float(next(clock))

        return measure

    reached = await in_turns({"a": contender("a"), "b": contender("b")}, rounds=3)
    assert turns == ["a", "b", "b", "a", "a", "b"]
    assert reached == {"a": 3.0, "b": 2.0}


def test_percentiles_are_of_calls_not_of_time() -> None:
    result = Result(latencies=[float(number) for number in range(100, 0, -1)])
    assert result.percentile(0.99) == 100.0
    assert result.percentile(0.5) == 51.0
    assert Result(latencies=[7.0]).percentile(0.99) == 7.0


async def test_when_one_of_two_fails_the_other_is_stopped() -> None:
    stopped = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async def fails() -> None:
        await asyncio.sleep(0)
        raise EOFError

    with pytest.raises(EOFError):
        await together(endless(), fails())
    assert stopped.is_set()


async def test_the_client_keeps_connections_and_tells_success_from_failure() -> None:
    answers = [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", b"HTTP/1.1 429 No\r\n"]
    answers[1] += b"transfer-encoding: chunked\r\n\r\n4\r\nslow\r\n0\r\n\r\n"
    async with serving(answers) as (port, connections):
        client = HttpClient("127.0.0.1", port)
        assert await client.get("/", {}) == b"hi"
        with pytest.raises(HttpStatusError, match="429: b'slow'"):
            await client.post("/", {"a": 1})
        client.close()
    assert len(connections) == 1


@asynccontextmanager
async def serving(answers: list[bytes]) -> AsyncIterator[tuple[int, list[int]]]:
    """A server that gives prepared answers, each to one request, until the client has gone."""
    left = iter(answers)
    connections: list[int] = []
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        with suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
                await reader.readexactly(int(length or 0))
                writer.write(next(left))
        writer.close()
        await writer.wait_closed()
        gone.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], connections
        await gone.wait()
