"""Programs that end with this process, and are ended within a bound."""

import asyncio
import contextlib
import os
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import IO

from server.platform.embedded import launch
from server.platform.embedded.account import Account

_EACH_HARSHER_SIGNAL = 0.5
_AFTER_KILL = 5.0


class Program(ABC):
    """Something that runs as one process at a time and can be started again once it has ended."""

    def __init__(self, *, name: str, ends_on: Sequence[signal.Signals] = (signal.SIGTERM,)) -> None:
        self.name = name
        self._ends_on = ends_on
        self._process: asyncio.subprocess.Process | None = None

    @abstractmethod
    async def start(self) -> None:
        """Starts it."""

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process and running else None

    async def wait(self) -> int:
        """Waits until it has ended and gives its exit code; negative is the signal it died of."""
        return await self._process.wait() if self._process is not None else 0

    async def stop(self, seconds: float) -> None:
        """Ends it within `seconds`: in order if that can be done, else by force."""
        if self._process is None:
            return
        harsher = len(self._ends_on) - 1
        patience = [seconds - harsher * _EACH_HARSHER_SIGNAL, *[_EACH_HARSHER_SIGNAL] * harsher]
        for each, bound in zip(self._ends_on, patience, strict=True):
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(each)
            if await self._has_ended(bound):
                return
        self.kill()
        await self._has_ended(_AFTER_KILL)

    def kill(self) -> None:
        """Ends it by force, with everything it started, without waiting."""
        if self._process is not None:
            kill(self._process)

    def sweep(self) -> None:
        """Kills what a process that has ended left running."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process = None  # The system may give its number to somebody else.

    async def _has_ended(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.wait(), max(seconds, 0.1))
            return True
        return False


async def spawn(
    command: Sequence[str],
    *,
    if_orphaned: signal.Signals,
    account: Account | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int = asyncio.subprocess.DEVNULL,
    stdout: IO[bytes] | int | None = None,
    stderr: IO[bytes] | int | None = None,
) -> asyncio.subprocess.Process:
    """Starts `command` in a session of its own, so that a terminal's Ctrl-C does not reach it.

    On Linux it is sent `if_orphaned` when this process (to be exact: the thread that calls this)
    is gone. `command[0]` is the path of the program.
    """
    terms = (os.getpid(), int(if_orphaned), f"{account.uid}:{account.gid}" if account else "-")
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", launch.__file__, *map(str, terms), *command),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=env,
        start_new_session=True,
    )


def kill(process: asyncio.subprocess.Process) -> None:
    """Kills a spawned process and everything it started, at once."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
