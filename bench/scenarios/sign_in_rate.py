"""Sign-ins a second, beside what this machine can hash when it does nothing else."""

import time

from bench import sign_ins
from bench.baselines import argon2_rate
from bench.figures import Figure, at_least, ratio
from bench.installation import SIGN_IN, Installation
from bench.processes import run_job
from bench.rounds import Effort, in_turns

_CLIENTS = 16
"""Enough to keep every thread of the core hashing, too few to be refused."""
_LEAD = 2.0
_WARM_UP = 1.0


async def measure(limen: Installation, effort: Effort) -> list[Figure]:
    """Sign-ins and hashes, in turns."""

    async def hashes() -> float:
        job = argon2_rate.Job(seconds=effort.sign_ins)
        result = await run_job("bench.baselines.argon2_rate", job, argon2_rate.Result)
        return result.rate

    async def signing_in() -> float:
        witness = limen.witness(SIGN_IN)
        await witness.look()
        job = sign_ins.Job(
            core=limen.core,
            accounts=[(each.email, each.password) for each in limen.accounts[:_CLIENTS]],
            begin=time.monotonic() + _LEAD,
            warm_up=_WARM_UP,
            seconds=effort.sign_ins,
        )
        result = await run_job("bench.sign_ins", job, sign_ins.Result)
        await witness.expect(**result.codes)
        return result.rate

    reached = await in_turns({"raw": hashes, "limen": signing_in}, effort.rounds)
    return [
        ratio(
            "sign-ins",
            limen=reached["limen"],
            baseline=reached["raw"],
            beside="raw Argon2id",
            unit="/s",
            target=at_least(0.9),
        )
    ]
