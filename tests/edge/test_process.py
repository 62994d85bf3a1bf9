"""`python -m edge` as a process: it starts, serves, and leaves as it should."""

import asyncio
import json
import os
import signal
import socket
import sys

import httpx
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from limen.audit.v1 import audit_pb2
from tests.edge.fake_core import FakeCore


@pytest.fixture
async def core():
    core = FakeCore()
    await core.start()
    yield core
    await core.stop()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Process:
    def __init__(self, process, url):
        self._process = process
        self.url = url

    async def ready(self):
        async with httpx.AsyncClient() as client, asyncio.timeout(60):
            while True:
                try:
                    if (await client.get(f"{self.url}/readyz")).status_code == 200:
                        return
                except httpx.TransportError:
                    assert self._process.returncode is None, await self.output()
                await asyncio.sleep(0.05)

    def tell(self, sent):
        self._process.send_signal(sent)

    async def ended(self):
        async with asyncio.timeout(60):
            return await self._process.wait()

    async def output(self):
        stdout, stderr = await self._process.communicate()
        return stdout.decode(), stderr.decode()


@pytest.fixture
async def start(core, tmp_path):
    """Starts processes of the edge; keyword arguments are environment variables."""
    started = []

    async def start(**environment):
        port = free_port()
        inherited = {name: value for name, value in os.environ.items() if "LIMEN" not in name}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "edge",
            env=inherited
            | {
                "LIMEN_HTTP_ADDRESS": f"127.0.0.1:{port}",
                "LIMEN_GRPC_ADDRESS": core.address,
                "LIMEN_DATA_DIR": str(tmp_path),
                "LIMEN_PROFILE": "test",
            }
            | environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        started.append(process)
        return Process(process, f"http://127.0.0.1:{port}")

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_it_serves_and_leaves_when_told(start, core):
    edge = await start(LIMEN_DRAIN="0.5", LIMEN_EDGE_SECRET="s" * 32)
    await edge.ready()
    event = audit_pb2.WatchEventsResponse(event=audit_pb2.Event(time=Timestamp(seconds=1)))
    core.on("WatchEvents", [event], wait=asyncio.Event())
    async with (
        httpx.AsyncClient(base_url=edge.url, headers=BEARER) as client,
        client.stream("GET", "/v1/audit/events:watch") as stream,
    ):
        parts = stream.aiter_raw()
        assert await anext(parts)
        edge.tell(signal.SIGTERM)
        draining = await client.get("/readyz")
        while draining.status_code == 200:
            draining = await client.get("/readyz")
        assert draining.json()["status"] == "not_ready"
        assert (await client.get("/v1/users/me")).status_code == 200
        assert [part async for part in parts] == [], "the stream ends whole, and is not cut off"
    assert await edge.ended() == 0
    stdout, stderr = await edge.output()
    lines = [json.loads(line) for line in stdout.splitlines()]
    assert {line["route"] for line in lines if line["event"] == "request"} == {
        "/readyz",
        "/v1/users/{user_id}",
        "/v1/audit/events:watch",
    }
    assert not [line for line in lines if line["level"] in ("warning", "error")]
    assert "Traceback" not in stderr


BEARER = {"authorization": "Bearer token"}
FORWARDED = {**BEARER, "x-forwarded-for": "198.51.100.1, 203.0.113.7"}


async def test_nobody_is_believed_about_an_address_unless_named(start, core):
    edge = await start(LIMEN_DRAIN="0")
    await edge.ready()
    async with httpx.AsyncClient(base_url=edge.url) as client:
        answer = await client.get("/v1/users/me", headers=FORWARDED)
    assert core.last.metadata["limen-client-network"] == "127.0.0.1"
    assert "server" not in answer.headers
    assert "date" in answer.headers
    edge.tell(signal.SIGINT)
    assert await edge.ended() == 0


async def test_trusted_proxies_say_whom_they_speak_for(start, core):
    edge = await start(LIMEN_TRUSTED_PROXIES="127.0.0.0/8")
    await edge.ready()
    async with httpx.AsyncClient(base_url=edge.url) as client:
        await client.get("/v1/users/me", headers=FORWARDED)
    assert core.last.metadata["limen-client-network"] == "203.0.113.7"


async def test_what_is_misconfigured_is_named_and_nothing_starts(start):
    edge = await start(LIMEN_PROFILE="production", LIMEN_EDGE_SECRET="short-secret")
    assert await edge.ended() == 3
    _, stderr = await edge.output()
    assert "LIMEN_EDGE_SECRET must have at least 32 characters" in stderr
    assert "LIMEN_PUBLIC_URL" in stderr
    assert "short-secret" not in stderr
    assert "Traceback" not in stderr


async def test_a_port_that_is_taken_is_said(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        edge = await start(LIMEN_HTTP_ADDRESS=f"127.0.0.1:{port}")
        assert await edge.ended() == 3
    stdout, _ = await edge.output()
    assert "address already in use" in stdout
