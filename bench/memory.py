"""Memory of processes, in MiB."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import psutil

_MIB = 1024 * 1024
_EVERY = 0.05


@dataclass(slots=True)
class Resident:
    """What a process held before and after a time, and the most it held in between."""

    before: float
    peak: float
    after: float

    @property
    def growth(self) -> float:
        """From what it held before to the most it held."""
        return self.peak - self.before


def resident(pid: int) -> float:
    """What a process holds now."""
    return float(psutil.Process(pid).memory_info().rss / _MIB)


@asynccontextmanager
async def watched(pid: int, *, settle: float) -> AsyncIterator[Resident]:
    """A block in which a process is watched, and `settle` seconds more. Complete afterwards."""
    now = resident(pid)
    found = Resident(before=now, peak=now, after=now)
    watching = asyncio.create_task(_watch(pid, found))
    try:
        yield found
        await asyncio.sleep(settle)
    finally:
        watching.cancel()
    found.after = resident(pid)


async def _watch(pid: int, found: Resident) -> None:
    while True:
        found.peak = max(found.peak, resident(pid))
        await asyncio.sleep(_EVERY)


def proportional(pid: int) -> dict[str, float]:
    """The proportional set size of a process and all it started, by pid and name.

    Pages that several processes share are divided among them, so that these figures can be added.
    Empty where the system does not tell.
    """
    leader = psutil.Process(pid)
    sizes = {}
    for process in (leader, *leader.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            pss = getattr(process.memory_full_info(), "pss", None)
            if pss is not None:
                sizes[f"{process.pid} {process.name()}"] = pss / _MIB
    return sizes


async def settled(pid: int, *, seconds: float, idle_share: float = 0.05) -> None:
    """Waits until a process and all it started have been idle for a second, but not longer."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        before = _cpu(pid)
        await asyncio.sleep(1.0)
        if _cpu(pid) - before < idle_share:
            return


def _cpu(pid: int) -> float:
    total = 0.0
    leader = psutil.Process(pid)
    for process in (leader, *leader.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total
