"""`python -m bench`: measures, and prints a table."""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from bench import load, machine, table
from bench.figures import Figure
from bench.installation import Installation, installed
from bench.jobs import UnsoundError
from bench.rounds import FULL, QUICK, Effort
from bench.scenarios import (
    core_throughput,
    edge_latency,
    edge_throughput,
    introspect,
    revocation,
    sign_in_rate,
    sign_in_storm,
    start_up,
    user_import,
    verifier,
)
from server.platform.embedded.errors import EmbeddedError

_INTERRUPTED = 130

SHARED: Mapping[str, Callable[[Installation, Effort], Awaitable[list[Figure]]]] = {
    "core-throughput": core_throughput.measure,
    "introspect": introspect.measure,
    "edge-throughput": edge_throughput.measure,
    "sign-in-rate": sign_in_rate.measure,
    "sign-in-storm": sign_in_storm.measure,
    "edge-latency": edge_latency.measure,
    "revocation": revocation.measure,
    "import": user_import.measure,
}
"""Scenarios that share one installation."""
ALONE: Mapping[str, Callable[[Effort], Awaitable[list[Figure]]]] = {
    "start-up": start_up.measure,
    "verifier": verifier.measure,
}
"""Scenarios that want the machine to themselves."""


class Session:
    """One run of the bench: what was found, and what went wrong."""

    def __init__(self, names: Sequence[str], effort: Effort) -> None:
        self._names = names or [*SHARED, *ALONE]
        self._effort = effort
        self.figures: list[Figure] = []
        self.has_failed = False

    async def run(self) -> None:
        """Measures. A scenario whose figures are void is named on standard error, and left out."""
        if any(name in SHARED for name in self._names):
            _say("setting up")
            async with installed() as limen:
                for name, measure in SHARED.items():
                    await self._take(name, partial(measure, limen, self._effort))
        for name, alone in ALONE.items():
            await self._take(name, partial(alone, self._effort))

    async def _take(self, name: str, measure: Callable[[], Awaitable[list[Figure]]]) -> None:
        if name not in self._names:
            return
        begin = time.monotonic()
        try:
            self.figures += await measure()
            _say(f"{name}: {time.monotonic() - begin:.0f} s")
        except UnsoundError as error:
            self.has_failed = True
            _say(f"{name} is void: {error}")


def main() -> int:
    """Exit codes: 0 measured, 1 something could not be measured, 2 wrong command line, 130 stopped.

    A missed target is no failure: figures depend on the machine.
    """
    arguments = _arguments()
    # Like Ctrl-C, so that what was started is stopped in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _measure(arguments)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except (EmbeddedError, UnsoundError) as error:
        _say(str(error))
        return 1


def _measure(arguments: argparse.Namespace) -> int:
    notes = [machine.described(), *_warnings()]
    session = Session(arguments.only, QUICK if arguments.quick else FULL)
    asyncio.run(session.run())
    text = table.markdown(session.figures, notes)
    print(text, end="")
    if arguments.write is None:
        return int(session.has_failed)
    if session.has_failed or arguments.only or arguments.quick:
        _say(f"{arguments.write} stays as it is: this was no whole run")
        return 1
    try:
        table.write(arguments.write, text)
    except (table.NoMarkersError, OSError) as error:
        _say(str(error))
        return 1
    return 0


def _warnings() -> list[str]:
    """What makes the figures of this run doubtful, also told at once."""
    busy = machine.busy()
    found = [busy] if busy else []
    if not load.has_h2load():
        found.append(load.WITHOUT_H2LOAD)
        _say(load.HOW_TO_GET_H2LOAD)
    for warning in found:
        _say(warning)
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures limen beside what it is built from. Takes five minutes.",
    )
    parser.add_argument("--quick", action="store_true", help="a short run, to see that it works")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=[*SHARED, *ALONE],
        help="measure this alone; may be given again",
    )
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="also put the table between the lines <!-- bench --> and <!-- /bench --> of a file",
    )
    return parser.parse_args()


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
