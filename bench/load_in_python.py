"""`python -m bench.load_in_python`: the generator for machines without h2load. Closed loop."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

import grpc
import uvloop

from bench.http1 import HttpClient
from bench.jobs import answer

_CHANNELS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How many requests, from how many clients. `message` is in hexadecimal; None for HTTP."""

    url: str
    headers: dict[str, str]
    message: str | None
    clients: int
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Requests answered in a second, each a success."""

    rate: float


Ask = Callable[[], Awaitable[object]]
Call: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"


def measure(job: Job) -> Result:
    """Does the job on an event loop of its own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(job))


async def _measure(job: Job) -> Result:
    left = iter(range(job.requests))

    async def client(ask: Ask) -> None:
        for _ in left:
            await ask()

    asking = _asking_http(job) if job.message is None else _asking_grpc(job)
    async with asking as ask:
        begin = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(job.clients):
                group.create_task(client(ask))
        return Result(rate=job.requests / (time.perf_counter() - begin))


@asynccontextmanager
async def _asking_http(job: Job) -> AsyncIterator[Ask]:
    parts = urlsplit(job.url)
    client = HttpClient(parts.hostname or "", parts.port or 80)

    async def ask() -> None:
        await client.get(parts.path, job.headers)

    yield ask
    client.close()


@asynccontextmanager
async def _asking_grpc(job: Job) -> AsyncIterator[Ask]:
    parts = urlsplit(job.url)
    message = bytes.fromhex(job.message or "")
    metadata = tuple(job.headers.items())
    # Channels with the same arguments would share one connection.
    channels = [
        grpc.aio.insecure_channel(parts.netloc, options=[("bench.number", number)])
        for number in range(_CHANNELS)
    ]
    calls: list[Call] = [channel.unary_unary(parts.path) for channel in channels]

    async def ask() -> None:
        calls.append(calls.pop(0))
        await calls[0](message, metadata=metadata)

    yield ask
    for channel in channels:
        await channel.close()


if __name__ == "__main__":
    answer(Job, measure)
