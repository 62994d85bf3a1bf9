"""`python -m bench.prober`: latency, from calls at a fixed modest rate, whatever becomes of them.

A call that is late in leaving has waited in its client, as it would behind a slow answer, so its
time runs from when it was due (coordinated omission).
"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
import uvloop

from bench.http1 import HttpClient
from bench.jobs import UnsoundError, answer
from limen.users.v1 import users_pb2, users_pb2_grpc

_TIMER = 0.002
"""Seconds by which timers of the event loop may be late by themselves: they count milliseconds."""
_WARM_UP = 20
_TIMEOUT = 30.0

Ask = Callable[[], Awaitable[bool]]
"""Makes one call and says whether it succeeded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Who-am-I, over gRPC from the core at `core`, or over REST from the edge at `edge_port`.

    Begins at `begin`, a reading of the monotonic clock, which all processes of a machine share.
    """

    core: str | None = None
    edge_port: int | None = None
    token: str
    rate: float
    begin: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Milliseconds, of each call."""

    latencies: list[float]

    def percentile(self, share: float) -> float:
        """The latency that this share of the calls kept below."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def measure(job: Job) -> Result:
    """Does the job on an event loop of its own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(job))


async def _measure(job: Job) -> Result:
    asking = _asking_core(job, job.core) if job.core else _asking_edge(job, job.edge_port or 0)
    async with asking as ask:
        for _ in range(_WARM_UP):
            await ask()
        # Collecting garbage would count as waiting for an answer.
        gc.disable()
        calls = []
        for number in range(round(job.rate * job.seconds)):
            due = job.begin + number / job.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            calls.append(asyncio.create_task(_timed(ask, due)))
        return Result(latencies=[await call for call in calls])


async def _timed(ask: Ask, due: float) -> float:
    now = time.monotonic()
    begin = due if now - due > _TIMER else now
    if not await ask():
        raise UnsoundError("a probe failed")
    return (time.monotonic() - begin) * 1000


@asynccontextmanager
async def _asking_core(job: Job, core: str) -> AsyncIterator[Ask]:
    request = users_pb2.GetUserRequest(user_id="me")
    metadata = (("authorization", f"Bearer {job.token}"),)
    async with grpc.aio.insecure_channel(core) as channel:
        users = users_pb2_grpc.UserServiceStub(channel)

        async def ask() -> bool:
            answer = await users.GetUser(request, metadata=metadata, timeout=_TIMEOUT)
            return bool(answer.user.user_id)

        yield ask


@asynccontextmanager
async def _asking_edge(job: Job, port: int) -> AsyncIterator[Ask]:
    headers = {"authorization": f"Bearer {job.token}"}
    client = HttpClient("127.0.0.1", port)

    async def ask() -> bool:
        return b'"userId"' in await client.get("/v1/users/me", headers)

    yield ask
    client.close()


if __name__ == "__main__":
    answer(Job, measure)
