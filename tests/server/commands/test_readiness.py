"""The probes, against servers that are away, not ready, wrong or ready."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from server.commands.readiness import core_serves, edge_is_ready

_STATUS = health_pb2.HealthCheckResponse


class Answers:
    """An HTTP server that gives prepared answers, the last one for ever."""

    def __init__(self) -> None:
        self.prepared = [b"HTTP/1.1 200 OK\r\n\r\n"]
        self.asked: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.prepared.pop(0) if len(self.prepared) > 1 else self.prepared[0])
        await writer.drain()
        writer.close()


@pytest.fixture
async def answers() -> AsyncIterator[tuple[Answers, int]]:
    answers = Answers()
    async with await asyncio.start_server(answers.serve, "127.0.0.1", 0) as server:
        yield answers, server.sockets[0].getsockname()[1]


@pytest.fixture
async def free_port() -> int:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        return int(server.sockets[0].getsockname()[1])


async def test_the_edge_is_asked_until_it_answers_200(answers: tuple[Answers, int]) -> None:
    edge, port = answers
    edge.prepared[:0] = [b"HTTP/1.1 503 Away\r\n\r\n", b"", b"\xff\r\n", b"HTTP/1.1 OK\r\n\r\n"]
    await edge_is_ready("127.0.0.1", port)
    assert len(edge.asked) == 5
    assert edge.asked[0].startswith(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:")


async def test_the_edge_may_come_later(free_port: int) -> None:
    probe = asyncio.create_task(edge_is_ready("127.0.0.1", free_port))
    await asyncio.sleep(0)
    async with await asyncio.start_server(Answers().serve, "127.0.0.1", free_port):
        await probe


async def test_the_core_may_come_later_and_must_say_serving(free_port: int) -> None:
    probe = asyncio.create_task(core_serves(f"127.0.0.1:{free_port}"))
    await asyncio.sleep(0)
    servicer = health.aio.HealthServicer()
    await servicer.set("", _STATUS.NOT_SERVING)
    server = aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(f"127.0.0.1:{free_port}")
    await server.start()
    try:
        done, _ = await asyncio.wait([probe], timeout=0.3)
        assert not done
        await servicer.set("", _STATUS.SERVING)
        await probe
    finally:
        await server.stop(None)
