"""Measuring in turns, so that what disturbs the machine disturbs everybody."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from statistics import median

Measure = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much time to spend: rounds of each comparison, and how long every turn takes.

    Attributes:
        rounds: How often every contender has its turn.
        throughput: Seconds of a turn at full load.
        sign_ins: Seconds of a turn of sign-ins.
        latency: Seconds of a turn of the prober.
        starts: How often limen is started anew.
        imported: Accounts of an import.
        revocations: Sessions that end while others verify their tokens.
    """

    rounds: int = 5
    throughput: float = 2.5
    sign_ins: float = 5.0
    latency: float = 10.0
    starts: int = 3
    imported: int = 100_000
    revocations: int = 200


FULL = Effort()
QUICK = Effort(
    rounds=1, throughput=1.0, sign_ins=2.0, latency=3.0, starts=1, imported=10_000, revocations=30
)


async def in_turns(contenders: Mapping[str, Measure], rounds: int) -> dict[str, float]:
    """The median of what each contender reached.

    Whoever began one round ends the next, so that nobody always follows the same neighbour.
    """
    reached: dict[str, list[float]] = {name: [] for name in contenders}
    order = list(contenders.items())
    for _ in range(rounds):
        for name, measure in order:
            reached[name].append(await measure())
        order.reverse()
    return {name: median(values) for name, values in reached.items()}
