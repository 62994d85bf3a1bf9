"""Processes under test and beside it. Each ends with the bench, whatever happens to that."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bench.jobs import UnsoundError, decode, encode
from server.platform.embedded.process import Program, kill, spawn

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Result = TypeVar("Result", bound="DataclassInstance")
First = TypeVar("First")
Second = TypeVar("Second")

_READY_WITHIN = 60.0
_STOP_WITHIN = 8.0
_LOOK_AGAIN = 0.02
_LAST_WORDS = 600


class Child(Program):
    """`python -m` with arguments, which writes to a file as a service in production does."""

    def __init__(
        self, module: str, *arguments: str, folder: Path, env: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(name=module)
        self._command = (sys.executable, "-m", module, *arguments)
        self._env = env
        self.log = folder / f"{module}.log"

    async def start(self) -> None:
        """Starts it; it is not ready yet when this returns."""
        with self.log.open("ab") as log:
            self._process = await spawn(
                self._command,
                if_orphaned=signal.SIGTERM,
                env=self._env,
                stdout=log,
                stderr=log,
            )

    @asynccontextmanager
    async def running(self, ready: Awaitable[None]) -> AsyncIterator["Child"]:
        """A block in which it runs and has been found `ready`.

        Raises `UnsoundError` if it does not become so, or has ended before the block.
        """
        await self.start()
        try:
            await self._become(ready)
            yield self
            if self.pid is None:
                raise UnsoundError(f"{self.name} ended by itself: {self._last_words()}")
        finally:
            await self.stop(_STOP_WITHIN)

    async def finish(self) -> None:
        """Runs it to its end. Raises `UnsoundError` if it fails."""
        await self.start()
        if await self.wait() != 0:
            raise UnsoundError(f"{self.name} failed: {self._last_words()}")

    async def _become(self, ready: Awaitable[None]) -> None:
        waiting = asyncio.ensure_future(ready)
        ended = asyncio.ensure_future(self.wait())
        try:
            await asyncio.wait(
                {waiting, ended}, timeout=_READY_WITHIN, return_when=asyncio.FIRST_COMPLETED
            )
            if not waiting.done() or ended.done():
                raise UnsoundError(f"{self.name} did not start: {self._last_words()}")
            waiting.result()
        finally:
            waiting.cancel()
            ended.cancel()

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-_LAST_WORDS:].strip()


async def run_job(module: str, job: "DataclassInstance", result: Callable[..., Result]) -> Result:
    """Has a module of the bench do a job in a process of its own.

    Raises `UnsoundError` with what it said if it fails.
    """
    process = await spawn(
        (sys.executable, "-m", module),
        if_orphaned=signal.SIGKILL,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        printed, complaints = await process.communicate(encode(job))
    finally:
        kill(process)
    if process.returncode != 0:
        raise UnsoundError(f"{module}: {complaints.decode()[-_LAST_WORDS:].strip()}")
    return decode(result, printed)


async def together(first: Awaitable[First], second: Awaitable[Second]) -> tuple[First, Second]:
    """Awaits both. When one fails, the other is stopped before the error goes on."""
    tasks = (asyncio.ensure_future(first), asyncio.ensure_future(second))
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def listens(port: int) -> None:
    """Returns once something accepts connections on a port of this machine."""
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(_LOOK_AGAIN)


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nothing listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
