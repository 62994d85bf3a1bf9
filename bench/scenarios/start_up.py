"""How long `limen up` takes when everything is there already, and what it holds when idle."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from bench.figures import Figure, at_most
from bench.installation import outside
from bench.memory import proportional, settled
from bench.processes import Child, free_ports
from bench.rounds import Effort

_READY = b"limen is ready"
_LOOK_AGAIN = 0.005
_SETTLE_WITHIN = 10.0


async def measure(effort: Effort) -> list[Figure]:
    """Starts it once to set it up, then again to measure."""
    folder = Path(tempfile.mkdtemp(prefix="limen-bench-"))
    try:
        env = _environment(folder)
        async with _started(folder, env) as (first, _):
            pass
        seconds, sizes = [], {}
        for _ in range(effort.starts):
            async with _started(folder, env) as (elapsed, pid):
                seconds.append(elapsed)
                await settled(pid, seconds=_SETTLE_WITHIN)
                sizes = proportional(pid)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return [_start(median(seconds), first), *_memory(sizes)]


@asynccontextmanager
async def _started(folder: Path, env: dict[str, str]) -> AsyncIterator[tuple[float, int]]:
    """`limen up` with the seconds it took to say that it is ready, and its process."""
    begin = time.monotonic()
    limen = Child("server.commands", "up", folder=folder, env=env)
    limen.log.unlink(missing_ok=True)
    async with limen.running(_says_ready(limen.log)):
        yield time.monotonic() - begin, limen.pid or 0


async def _says_ready(log: Path) -> None:
    while True:
        if _is_said(log):
            return
        await asyncio.sleep(_LOOK_AGAIN)


def _is_said(log: Path) -> bool:
    return log.exists() and _READY in log.read_bytes()


def _environment(folder: Path) -> dict[str, str]:
    grpc, http, metrics = free_ports(3)
    return outside() | {
        "LIMEN_DATA_DIR": str(folder / "data"),
        "LIMEN_GRPC_ADDRESS": f"127.0.0.1:{grpc}",
        "LIMEN_HTTP_ADDRESS": f"127.0.0.1:{http}",
        "LIMEN_METRICS_ADDRESS": f"127.0.0.1:{metrics}",
    }


def _start(seconds: float, first: float) -> Figure:
    return Figure(
        what="second `make run` to `limen is ready`",
        limen=f"{seconds:.1f} s",
        beside=f"the first time: {first:.1f} s",
        value=seconds,
        shown=f"{seconds:.1f} s",
        target=at_most(5, " s"),
    )


def _memory(sizes: dict[str, float]) -> list[Figure]:
    """Nothing where the system does not tell the proportional set size."""
    if not sizes:
        return []
    total = sum(sizes.values())
    return [
        Figure(
            what="memory of everything, idle",
            limen=f"{total:.0f} MiB",
            beside=f"{len(sizes)} processes (sum of PSS)",
            value=total,
            shown=f"{total:.0f} MiB",
            aim=at_most(400, " MiB"),
        )
    ]
