"""The processes of a running system, and ways to end them."""

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import psutil

from tests.system import System

_LOOK_AGAIN = 0.01


def part(system: System, module: str) -> psutil.Process:
    """The process that `limen up` runs as `python -m module`."""
    found = _parts(system, module)
    assert found, f"{module} does not run"
    return found[0]


def is_running(system: System, module: str, *, other_than: psutil.Process) -> bool:
    """Whether another process has taken the place of one."""
    return any(found.pid != other_than.pid for found in _parts(system, module))


def cores(system: System) -> list[psutil.Process]:
    """The processes that serve gRPC, where there are several."""
    return part(system, "server").children()


def postgresql(system: System) -> psutil.Process | None:
    """The embedded PostgreSQL, while it runs."""
    return _child(system, "postgres")


def valkey(system: System) -> psutil.Process | None:
    """The embedded Valkey, while it runs."""
    return _child(system, "valkey-server")


@contextlib.contextmanager
def kept_down(system: System, find: Callable[[System], psutil.Process | None]) -> Iterator[None]:
    """Kills a process, and again whenever it comes back, for as long as the block lasts."""
    enough = threading.Event()

    def kill() -> None:
        while not enough.wait(_LOOK_AGAIN):
            if (process := find(system)) is not None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        enough.set()
        killer.join()


def letters(system: System) -> Counter[str]:
    """How many messages each address was sent, as they lie in the data directory."""
    folder = system.data_dir / "mail"
    return Counter(json.loads(file.read_text())["to"] for file in folder.glob("*.json"))


def _parts(system: System, module: str) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(system.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.cmdline()[1:3] == ["-m", module]:
                found.append(child)
    return found


def _child(system: System, name: str) -> psutil.Process | None:
    for child in psutil.Process(system.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.name() == name:
                return child
    return None
