"""`limen up` with all its parts: ready, hurt, stopped, killed, started again."""

import contextlib
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.system import System

_SOON = 60.0


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One that these tests may hurt."""
    with System(tmp_path_factory.mktemp("hurt")) as system:
        yield system
    shutil.rmtree(system.data_dir)


def part(system: System, command: str) -> psutil.Process | None:
    """The process of `limen up` whose command line matches `command`."""
    for child in psutil.Process(system.pid).children():
        with contextlib.suppress(psutil.Error):
            if re.search(command, " ".join(child.cmdline())):
                return child
    return None


def is_ready(system: System) -> bool:
    try:
        return httpx.get(f"{system.rest_url}/readyz").is_success
    except httpx.TransportError:
        return False


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + _SOON
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_one_line_says_where_everything_is(system: System) -> None:
    lines = [line for line in system.output.read_text().splitlines() if "limen is ready" in line]
    assert lines == [
        (
            f"limen is ready: {system.rest_url}, gRPC {system.grpc_address},"
            f" administrator admin@limen.localhost (password in {system.data_dir}/admin-password),"
            f" mail {system.rest_url}/dev/mail"
        )
    ]


def test_what_is_secret_belongs_to_the_owner_alone(system: System) -> None:
    assert (system.data_dir.stat().st_mode & 0o777) == 0o700
    for name in ("admin-password", "secret.key"):
        assert ((system.data_dir / name).stat().st_mode & 0o777) == 0o600
    key = (system.data_dir / "secret.key").read_text().strip()
    assert key not in system.output.read_text()
    processes = psutil.Process(system.pid).children(recursive=True)
    assert not any(key in " ".join(process.cmdline()) for process in processes)


@pytest.mark.parametrize(
    "command", ["-m server$", "-m server.worker$", "-m edge$", "bin/postgres", "valkey-server"]
)
def test_a_part_that_is_killed_comes_back(system: System, command: str) -> None:
    victim = part(system, command)
    assert victim is not None
    victim.kill()
    until(lambda: (found := part(system, command)) and found.pid != victim.pid)
    until(lambda: is_ready(system))


def test_a_second_run_on_the_same_data_is_refused(system: System, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"another limen \(process \d+\) is using"):
        System(tmp_path, LIMEN_DATA_DIR=str(system.data_dir)).__enter__()
    until(lambda: is_ready(system))


def test_the_next_start_finds_everything_after_a_stop_and_after_a_kill(tmp_path: Path) -> None:
    with System(tmp_path) as system:
        password = system.admin_password
        key = (system.data_dir / "secret.key").read_text()
        parts = psutil.Process(system.pid).children(recursive=True)
    assert not [process for process in parts if process.is_running()]

    system.output.unlink()
    system.__enter__()
    assert system.admin_password == password
    assert (system.data_dir / "secret.key").read_text() == key
    assert "The first administrator" not in system.output.read_text()
    parts = psutil.Process(system.pid).children(recursive=True)
    os.kill(system.pid, signal.SIGKILL)
    with pytest.raises(AssertionError, match="ended with -9"):
        system.__exit__()

    system.output.unlink()
    with system:
        assert is_ready(system)
        if sys.platform == "linux":  # Elsewhere a process cannot ask to be told.
            assert not psutil.wait_procs(parts, timeout=_SOON)[1]
