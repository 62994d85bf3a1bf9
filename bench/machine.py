"""Where the figures come from."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_BUSY = 0.3


def described() -> str:
    """The date, the processors and the Python, in one line."""
    today = datetime.now(UTC).date().isoformat()
    return (
        f"{today}, {processors()} cores of {_model()}, {platform.system()} {platform.machine()},"
        f" {platform.python_implementation()} {platform.python_version()}"
    )


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def busy() -> str | None:
    """A warning, when others use the machine."""
    load = os.getloadavg()[0]
    if load <= _BUSY * processors():
        return None
    return f"The machine was not idle: its load was {load:.1f} when this began."


def _model() -> str:
    if _CPUINFO.exists():
        for line in _CPUINFO.read_text().splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or "unknown"
