"""`python -m bench.sign_ins`: clients that sign in again and again, each as somebody else.

When the core is too busy they wait for as long as it asks them to.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import uvloop
from google.rpc import error_details_pb2, status_pb2

from bench.http1 import HttpClient
from bench.jobs import UnsoundError, answer
from limen.auth.v1 import auth_pb2, auth_pb2_grpc

_OK = "OK"
_DETAILS = "grpc-status-details-bin"
_WITHOUT_HINT = 1.0
"""Seconds to wait after a refusal that says nothing about when to come back."""

SignIn = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One client for each pair of address and password, over gRPC or over REST.

    They all begin at `begin`, a reading of the monotonic clock, and go on for `warm_up` seconds
    that do not count and `seconds` that do.
    """

    core: str | None = None
    edge_port: int | None = None
    accounts: Sequence[Sequence[str]]
    begin: float
    warm_up: float = 0.0
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`codes` counts all answers by status; `hinted` are refusals that say when to come back."""

    rate: float
    codes: dict[str, int]
    hinted: int


class Refused(Exception):  # noqa: N818 - a part of the plan, not an error
    """The core has enough to do."""

    def __init__(self, retry_after: float | None) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


@dataclass(slots=True)
class _Tally:
    window: tuple[float, float]
    codes: Counter[str] = field(default_factory=Counter)
    counted: int = 0
    hinted: int = 0

    async def keep_signing_in(self, sign_in: SignIn) -> None:
        opens, closes = self.window
        while time.monotonic() < closes:
            try:
                await sign_in()
            except Refused as refused:
                self.codes[grpc.StatusCode.RESOURCE_EXHAUSTED.name] += 1
                self.hinted += refused.retry_after is not None
                await asyncio.sleep(refused.retry_after or _WITHOUT_HINT)
            else:
                self.codes[_OK] += 1
                self.counted += opens <= time.monotonic() < closes


def measure(job: Job) -> Result:
    """Does the job on an event loop of its own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(job))


async def _measure(job: Job) -> Result:
    opens = job.begin + job.warm_up
    tally = _Tally((opens, opens + job.seconds))
    clients = _on_core(job, job.core) if job.core else _on_edge(job, job.edge_port or 0)
    async with clients as sign_ins:
        await asyncio.sleep(max(0.0, job.begin - time.monotonic()))
        async with asyncio.TaskGroup() as group:
            for sign_in in sign_ins:
                group.create_task(tally.keep_signing_in(sign_in))
    return Result(rate=tally.counted / job.seconds, codes=dict(tally.codes), hinted=tally.hinted)


@asynccontextmanager
async def _on_core(job: Job, core: str) -> AsyncIterator[list[SignIn]]:
    # A pool of its own gives each client a connection of its own.
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(core, options=options) for _ in job.accounts]
    for channel in channels:
        await channel.channel_ready()
    pairs = zip(channels, job.accounts, strict=True)
    yield [_over_grpc(channel, *account) for channel, account in pairs]
    for channel in channels:
        await channel.close()


def _over_grpc(channel: grpc.aio.Channel, email: str, password: str) -> SignIn:
    auth = auth_pb2_grpc.AuthServiceStub(channel)
    request = auth_pb2.SignInRequest(email=email, password=password)

    async def sign_in() -> None:
        try:
            signed_in = await auth.SignIn(request)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise UnsoundError(f"a sign-in failed: {error.details()}") from error
            raise Refused(_retry_after(error)) from error
        if not signed_in.tokens.access_token:
            raise UnsoundError("a sign-in gave no token")

    return sign_in


def _retry_after(error: grpc.aio.AioRpcError) -> float | None:
    found = [value for key, value in error.trailing_metadata() or () if key == _DETAILS]
    retry = error_details_pb2.RetryInfo()
    for value in found:
        for detail in status_pb2.Status.FromString(value).details:
            if detail.Unpack(retry):
                return float(retry.retry_delay.ToMilliseconds() / 1000)
    return None


@asynccontextmanager
async def _on_edge(job: Job, port: int) -> AsyncIterator[list[SignIn]]:
    client = HttpClient("127.0.0.1", port)
    yield [_over_rest(client, *account) for account in job.accounts]
    client.close()


def _over_rest(client: HttpClient, email: str, password: str) -> SignIn:
    async def sign_in() -> None:
        answer = await client.post("/v1/auth/sign-in", {"email": email, "password": password})
        if b'"accessToken"' not in answer:
            raise UnsoundError("a sign-in gave no token")

    return sign_in


if __name__ == "__main__":
    answer(Job, measure)
