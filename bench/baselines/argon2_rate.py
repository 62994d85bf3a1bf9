"""`python -m bench.baselines.argon2_rate`: how many passwords this machine verifies in a second.

Plain threads, as many as processors, with nothing beside them. Parameters are those of the core.
"""

import os
import threading
import time
from dataclasses import dataclass

import argon2

from bench.jobs import answer
from server.settings import Settings

_PASSWORD = "the rate of this machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How long to verify."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Verifications a second, all threads together."""

    rate: float


def measure(job: Job) -> Result:
    """Verifies one password again and again."""
    hasher = _hasher()
    encoded = hasher.hash(_PASSWORD)
    counts: list[int] = []

    def verify() -> None:
        count = 0
        while time.perf_counter() < end:
            hasher.verify(encoded, _PASSWORD)
            count += 1
        counts.append(count)

    begin = time.perf_counter()
    end = begin + job.seconds
    threads = [threading.Thread(target=verify) for _ in os.sched_getaffinity(0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Result(rate=sum(counts) / (time.perf_counter() - begin))


def _hasher() -> argon2.PasswordHasher:
    fields = Settings.model_fields
    return argon2.PasswordHasher(
        time_cost=fields["argon2_time"].default,
        memory_cost=fields["argon2_memory_kib"].default,
        parallelism=fields["argon2_parallelism"].default,
    )


if __name__ == "__main__":
    answer(Job, measure)
