"""`python -m bench.verifiers`: services that verify tokens themselves, and sessions that end.

The time of a revocation runs from the answer of RevokeSession to the moment from which a verifier
refuses the token, which is looked for every millisecond.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc
import uvloop

from bench.jobs import UnsoundError, answer
from limen.auth.v1 import auth_pb2, auth_pb2_grpc
from limen.client import connect
from limen.client.verifier import CredentialInvalid, Verifier

_LOOK_AGAIN = 0.001
_PATIENCE = 10.0
_PAUSE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """So many verifiers over these cores, by turns, and so many sessions of one account.

    `service` is the access token of the verifiers; `email` and `password` open the sessions.
    """

    cores: Sequence[str]
    verifiers: int
    sessions: int
    service: str
    email: str
    password: str
    issuer: str
    audience: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Milliseconds, of each revocation at each verifier."""

    delays: list[float]

    def percentile(self, share: float) -> float:
        """The delay that this share of them kept below."""
        ordered = sorted(self.delays)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def measure(job: Job) -> Result:
    """Does the job on an event loop of its own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(job))


async def _measure(job: Job) -> Result:
    delays: list[float] = []
    async with AsyncExitStack() as stack:
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(core)) for core in job.cores
        ]
        verifiers = [
            await stack.enter_async_context(_verifier(job, job.cores[number % len(job.cores)]))
            for number in range(job.verifiers)
        ]
        cores = [auth_pb2_grpc.AuthServiceStub(channel) for channel in channels]
        here = (await _sign_in(cores[0], job)).tokens.access_token
        for number in range(job.sessions):
            signed_in = await _sign_in(cores[0], job)
            token = signed_in.tokens.access_token
            for verifier in verifiers:
                await verifier.verify(token)
            await asyncio.sleep(_PAUSE)
            await cores[number % len(cores)].RevokeSession(
                auth_pb2.RevokeSessionRequest(session_id=signed_in.session.session_id),
                metadata=(("authorization", f"Bearer {here}"),),
            )
            delays += await _refused(verifiers, token)
    return Result(delays=delays)


@asynccontextmanager
async def _verifier(job: Job, core: str) -> AsyncIterator[Verifier]:
    async with (
        connect(core, token=job.service) as limen,
        Verifier(limen, issuer=job.issuer, audience=job.audience) as verifier,
    ):
        if not verifier.is_fresh:
            raise UnsoundError("a verifier does not hear of revocations")
        yield verifier


async def _sign_in(auth: auth_pb2_grpc.AuthServiceStub, job: Job) -> auth_pb2.SignInResponse:
    return await auth.SignIn(auth_pb2.SignInRequest(email=job.email, password=job.password))


async def _refused(verifiers: Sequence[Verifier], token: str) -> list[float]:
    """How long each took to refuse a token whose session has just ended, in milliseconds."""
    begin = time.monotonic()
    delays: list[float] = []
    waiting = list(verifiers)
    while waiting:
        now = time.monotonic()
        if now - begin > _PATIENCE:
            raise UnsoundError("a revocation did not arrive")
        still = [each for each in waiting if each.known(token) is not None]
        delays += [(now - begin) * 1000] * (len(waiting) - len(still))
        waiting = still
        await asyncio.sleep(_LOOK_AGAIN if waiting else 0)
    for each in verifiers:
        await _verify_refusal(each, token)
    return delays


async def _verify_refusal(verifier: Verifier, token: str) -> None:
    try:
        await verifier.verify(token)
    except CredentialInvalid:
        return
    raise UnsoundError("a verifier had forgotten a token, not refused it")


if __name__ == "__main__":
    answer(Job, measure)
