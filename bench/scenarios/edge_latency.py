"""Who-am-I over REST while others sign in over REST."""

import time
from statistics import median

from bench import prober, sign_ins
from bench.figures import Figure, at_most
from bench.installation import SIGN_IN, Installation
from bench.processes import run_job, together
from bench.rounds import Effort

_CLIENTS = 8
_ROUNDS = 3
_RATE = 100.0
_LEAD = 2.0
_P99 = 0.99


async def measure(limen: Installation, effort: Effort) -> list[Figure]:
    """The p99 of both states, in turns."""
    quiet, loaded = [], []
    for _ in range(min(_ROUNDS, effort.rounds)):
        quiet.append(await _probe(limen, time.monotonic() + _LEAD, effort.latency / 2))
        loaded.append(await _with_sign_ins(limen, effort.latency))
    return [
        Figure(
            what=f"p99 of who-am-I over REST while {_CLIENTS} clients sign in",
            limen=f"{median(loaded):.1f} ms",
            beside=f"quiet: {median(quiet):.1f} ms",
            value=median(loaded),
            shown=f"{median(loaded):.1f} ms",
            target=at_most(25, " ms"),
        )
    ]


async def _with_sign_ins(limen: Installation, seconds: float) -> float:
    witness = limen.witness(SIGN_IN)
    await witness.look()
    begin = time.monotonic() + _LEAD
    job = sign_ins.Job(
        edge_port=limen.edge_port,
        accounts=[(each.email, each.password) for each in limen.accounts[:_CLIENTS]],
        begin=begin,
        seconds=seconds,
    )
    latency, load = await together(
        _probe(limen, begin, seconds), run_job("bench.sign_ins", job, sign_ins.Result)
    )
    await witness.expect(**load.codes)
    return latency


async def _probe(limen: Installation, begin: float, seconds: float) -> float:
    """The p99 of who-am-I, in milliseconds."""
    job = prober.Job(
        edge_port=limen.edge_port, token=limen.token, rate=_RATE, begin=begin, seconds=seconds
    )
    return (await run_job("bench.prober", job, prober.Result)).percentile(_P99)
