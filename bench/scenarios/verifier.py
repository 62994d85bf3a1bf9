"""A token verified inside a service: at first sight, beside its bare signature, and after that.

One process does both in turns. Every token of the first case counts as new, because the verifier
remembers a single one.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from itertools import cycle
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bench.figures import Figure, at_least, at_most, ratio
from bench.jobs import UnsoundError
from bench.rounds import Effort, in_turns
from limen.client.verifier import Verifier, jws
from limen.testing import FakeLimen

_ItemT = TypeVar("_ItemT")

_TOKENS = 500
_BATCH = 100
_MICROSECONDS = 1e6


async def measure(effort: Effort) -> list[Figure]:
    """Tokens a second at first sight, and microseconds for one that was seen before."""
    async with AsyncExitStack() as stack:
        limen = stack.enter_context(FakeLimen())
        forgetful = await stack.enter_async_context(limen.verifier(capacity=1))
        mindful = await stack.enter_async_context(limen.verifier())
        tokens = _tokens(limen)
        signatures = [jws.parse(token) for token in tokens]
        reached = await in_turns(
            {
                "bare": partial(
                    _rate, partial(_signatures, limen.key.private.public_key()), signatures, effort
                ),
                "first": partial(_rate, partial(_tokens_of, forgetful), tokens, effort),
                "seen": partial(_rate, partial(_tokens_of, mindful), tokens, effort),
            },
            effort.rounds,
        )
        _verify_work(forgetful, mindful, limen)
    cost = _MICROSECONDS / reached["seen"]
    return [
        ratio(
            "token verified at first sight, in a service",
            limen=reached["first"],
            baseline=reached["bare"],
            beside="its signature alone (`cryptography`)",
            unit="/s",
            target=at_least(0.75),
        ),
        Figure(
            what="token seen before, in a service",
            limen=f"{cost:.1f} µs",
            beside=f"at first sight: {_MICROSECONDS / reached['first']:.0f} µs",
            value=cost,
            shown=f"{cost:.1f} µs",
            target=at_most(10, " µs"),
        ),
    ]


def _tokens(limen: FakeLimen) -> list[str]:
    user = limen.user(scopes={"users.read", "roles.read", "audit.read"})
    return [limen.sign_in(user, lifetime=3600).access_token for _ in range(_TOKENS)]


async def _rate(
    verify: Callable[[Sequence[_ItemT]], Awaitable[None]], items: Sequence[_ItemT], effort: Effort
) -> float:
    """How many of them are verified in a second of work of this thread.

    Nothing is waited for, so time in which others had the processor does not count.
    """
    batches = cycle([items[at : at + _BATCH] for at in range(0, len(items), _BATCH)])
    end, spent, done = time.monotonic() + effort.throughput, 0.0, 0
    while time.monotonic() < end:
        begin = time.thread_time()
        await verify(next(batches))
        spent += time.thread_time() - begin
        done += _BATCH
        await asyncio.sleep(0)  # for the heartbeats of limen
    return done / spent


async def _signatures(key: Ed25519PublicKey, parts: Sequence[jws.Parts]) -> None:
    for each in parts:
        key.verify(each.signature, each.signed)


async def _tokens_of(verifier: Verifier, tokens: Sequence[str]) -> None:
    for token in tokens:
        await verifier.verify(token)


def _verify_work(forgetful: Verifier, mindful: Verifier, limen: FakeLimen) -> None:
    if forgetful.counters.known or mindful.counters.verified != _TOKENS:
        raise UnsoundError("tokens that were to be new were known, or the other way round")
    if limen.calls["IntrospectToken"]:
        raise UnsoundError("limen was asked about a token")
