"""What everybody else notices while 200 clients sign in at once."""

import asyncio
import time
from statistics import median

from bench import prober, sign_ins
from bench.figures import Figure, at_least, at_most
from bench.installation import SIGN_IN, Installation
from bench.memory import Resident, watched
from bench.processes import run_job, together
from bench.rounds import Effort
from server.settings import Settings

_CLIENTS = 200
_ROUNDS = 3
_RATE = 100.0
_LEAD = 3.0
_SETTLE = 2.0
_P99 = 0.99


async def measure(limen: Installation, effort: Effort) -> list[Figure]:
    """GetUser `me` with and without the storm; the memory of the core; how it refuses."""
    quiet, loaded, storms = [], [], []
    async with watched(limen.core_pid, settle=_SETTLE) as memory:
        for _ in range(min(_ROUNDS, effort.rounds)):
            quiet.append(await _probe(limen, time.monotonic() + _LEAD, effort))
            latency, storm = await _storm(limen, effort)
            loaded.append(latency)
            storms.append(storm)
            await asyncio.sleep(_SETTLE)
    return [
        _slowdown(median(quiet), median(loaded)),
        _memory(memory),
        _refusals(storms),
    ]


async def _probe(limen: Installation, begin: float, effort: Effort) -> float:
    """The p99 of GetUser `me`, in milliseconds."""
    job = prober.Job(
        core=limen.core, token=limen.token, rate=_RATE, begin=begin, seconds=effort.latency
    )
    return (await run_job("bench.prober", job, prober.Result)).percentile(_P99)


async def _storm(limen: Installation, effort: Effort) -> tuple[float, sign_ins.Result]:
    """The probes begin with the first sign-ins, so that they see the wave break."""
    witness = limen.witness(SIGN_IN)
    await witness.look()
    begin = time.monotonic() + _LEAD
    job = sign_ins.Job(
        core=limen.core,
        accounts=[(each.email, each.password) for each in limen.accounts[:_CLIENTS]],
        begin=begin,
        seconds=effort.latency,
    )
    latency, storm = await together(
        _probe(limen, begin, effort), run_job("bench.sign_ins", job, sign_ins.Result)
    )
    await witness.expect(**storm.codes)
    return latency, storm


def _slowdown(quiet: float, loaded: float) -> Figure:
    return Figure(
        what=f"p99 of GetUser `me` while {_CLIENTS} clients sign in",
        limen=f"{loaded:.1f} ms",
        beside=f"quiet: {quiet:.1f} ms",
        value=loaded / quiet,
        shown=f"{loaded / quiet:.1f} times",
        target=at_most(5, " times"),
    )


def _memory(memory: Resident) -> Figure:
    budget = Settings.model_fields["hashing_memory"].default / 1024 / 1024
    return Figure(
        what="growth of the core's resident memory meanwhile",
        limen=f"peak {memory.peak:.0f} MiB",
        beside=f"before: {memory.before:.0f} MiB, after: {memory.after:.0f} MiB",
        value=memory.growth,
        shown=f"{memory.growth:.0f} MiB",
        target=at_most(budget, " MiB"),
    )


def _refusals(storms: list[sign_ins.Result]) -> Figure:
    taken = sum(storm.codes.get("OK", 0) for storm in storms)
    refused = sum(storm.codes.get("RESOURCE_EXHAUSTED", 0) for storm in storms)
    hinted = sum(storm.hinted for storm in storms)
    return Figure(
        what="share of the excess that is refused with RESOURCE_EXHAUSTED and a time to come back",
        limen=f"{hinted:,} hints",
        beside=f"{refused:,} refused, {taken:,} signed in",
        value=hinted / refused if refused else 0.0,
        shown=f"{hinted / refused:.2f}" if refused else "nothing was refused",
        target=at_least(1),
    )
