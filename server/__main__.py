"""`python -m server`: settings, core, serve, signals.

With LIMEN_CORE_PROCESSES above one it starts that many cores, which share one address, and replaces
those that die.
"""

import asyncio
import gc
import os
import signal
import sys

import structlog
import uvloop

from server import app
from server.platform import logging
from server.settings import MisconfiguredError, Settings

_NUMBER = "LIMEN_CORE_NUMBER"
_FAILURE = 1
_MISCONFIGURED = 3
_RESTART_SECONDS = 0.5

_log = structlog.get_logger(__name__)


def main() -> int:
    """Runs until SIGTERM or SIGINT. Returns the exit code."""
    try:
        settings = Settings()
        app.check(settings)
    except (MisconfiguredError, ValueError) as error:
        sys.stderr.write(f"limen cannot start: {error}\n")
        return _MISCONFIGURED
    logging.configure(settings.log_level, "core")
    number = os.environ.get(_NUMBER)
    if settings.core_processes > 1 and number is None:
        uvloop.run(_lead(settings.core_processes))
        return 0
    return uvloop.run(_serve(settings, int(number or 0)))


async def _serve(settings: Settings, number: int) -> int:
    stopping = _on_signals()
    core = app.build(settings)
    try:
        core.serve_metrics(number)
        await core.start()
    except (OSError, RuntimeError) as error:
        _log.error("core.cannot_listen", address=settings.grpc_address, error=str(error))
        return _FAILURE
    # What exists now exists for good: the collector need not look at it again and again.
    gc.freeze()
    _log.info("core.serving", address=settings.grpc_address, pid=os.getpid())
    await stopping.wait()
    await core.stop()
    _log.info("core.stopped")
    return 0


async def _lead(processes: int) -> None:
    stopping = _on_signals()
    async with asyncio.TaskGroup() as group:
        for number in range(processes):
            group.create_task(_keep_running(number, stopping))


async def _keep_running(number: int, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "server", env=os.environ | {_NUMBER: str(number)}
        )
        ended = asyncio.create_task(process.wait())
        told = asyncio.create_task(stopping.wait())
        await asyncio.wait({ended, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if not ended.done():
            process.terminate()
        code = await ended
        if not stopping.is_set():
            _log.error("core.died", number=number, code=code)
            await asyncio.sleep(_RESTART_SECONDS)


def _on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


if __name__ == "__main__":
    sys.exit(main())
