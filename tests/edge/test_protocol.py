"""Raw bytes against the server: what no HTTP library would send."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import pytest
import uvicorn

from edge.problems import Problems
from edge.protocol import Bounds, bounded_protocol
from edge.secure_headers import data_headers
from tests.edge.asgi import answering

REQUEST = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


class Served:
    def __init__(self, port):
        self.port = port

    async def exchange(self, *pieces, connection=None):
        """Sends bytes and returns all that comes back until the server closes."""
        reader, writer = connection or await self.connect()
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        answer = await reader.read()
        writer.close()
        return answer

    async def connect(self):
        return await asyncio.open_connection("127.0.0.1", self.port)


@asynccontextmanager
async def serving(app=None, *, head_bytes=4096, head_seconds=10.0, connections=10):
    bounds = Bounds(head_bytes, head_seconds, connections)
    problems = Problems(public_url="https://id.example")
    config = uvicorn.Config(
        app or answering(b"{}"),
        http=bounded_protocol(bounds, problems, data_headers(https=True)),
        lifespan="off",
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    try:
        yield Served(listener.getsockname()[1])
    finally:
        await server.shutdown(sockets=[listener])


def problem_of(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    status_line, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    document = json.loads(body)
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert len(headers) == len(lines)
    assert int(headers["content-length"]) == len(body)
    assert headers["x-request-id"] == document["instance"]
    assert status_line.split()[1] == str(document["status"])
    return document


async def test_a_fair_head_is_served_however_it_is_cut():
    async with serving() as served:
        request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        answer = await served.exchange(*(bytes([byte]) for byte in request))
        assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nhost: a\r\n\r\n"],
        [b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 3000 + b"\r\n"],
        [b"GET / HTTP/1.1\r\na: ", *[b"b" * 1000] * 6],
        [b"GET /", *[b"a" * 1000] * 6],
    ],
    ids=["address", "many headers", "endless header", "endless address"],
)
async def test_a_head_that_is_too_large_is_refused(pieces):
    async with serving() as served:
        document = problem_of(await served.exchange(*pieces))
        assert (document["status"], document["reason"]) == (431, "REQUEST_TOO_LARGE")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_a_problem(request_bytes):
    async with serving() as served:
        assert problem_of(await served.exchange(request_bytes))["status"] == 400


async def test_a_head_that_takes_too_long_is_given_up():
    async with serving(head_seconds=0.05) as served:
        for pieces in ([], [b"GET / HT"]):
            document = problem_of(await served.exchange(*pieces))
            assert (document["status"], document["reason"]) == (408, "REQUEST_TIMEOUT")


async def test_the_second_head_of_a_connection_has_its_own_time_and_size():
    async with serving(head_seconds=0.5, head_bytes=256) as served:
        reader, writer = await served.connect()
        for _ in range(8):
            writer.write(REQUEST)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            if b"chunked" in head:
                await reader.readuntil(b"0\r\n\r\n")
        answer = await served.exchange(b"GET / HTTP", connection=(reader, writer))
        assert problem_of(answer)["status"] == 408


async def test_a_large_body_is_no_large_head():
    async def app(scope, receive, send):
        size = 0
        while True:
            message = await receive()
            size += len(message["body"])
            if not message["more_body"]:
                break
        await answering(str(size).encode())(scope, receive, send)

    async with serving(app) as served:
        head = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 100000\r\n\r\n"
        answer = await served.exchange(head, b"x" * 50000, b"x" * 50000)
        assert b"100000" in answer.partition(b"\r\n\r\n")[2]


async def test_one_connection_too_many_is_refused():
    async with serving(connections=1) as served:
        first = await served.connect()
        document = problem_of(await served.exchange())
        assert (document["status"], document["reason"]) == (503, "OVERLOADED")
        close = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        answer = await served.exchange(close, connection=first)
        assert answer.startswith(b"HTTP/1.1 200")
