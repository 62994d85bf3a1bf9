"""Keeps the parts of a process running."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import structlog

from server import errors
from server.platform.reporting import Reporter
from server.platform.valkey import OUTAGES

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0
_LASTED = 60.0
"""Seconds after which a part that fails is taken to have worked: its delay begins anew."""

_CANCEL_AGAIN = 0.1

_log = structlog.get_logger(__name__)


async def keep_running(
    name: str, run: Callable[[], Awaitable[None]], *, reporter: Reporter
) -> None:
    """Runs a part of the process again whenever it fails, until it returns or is cancelled.

    That a database is away is logged; anything else is a defect, and reported too.
    """
    now = asyncio.get_running_loop().time
    delay = _FIRST_DELAY
    while True:
        began = now()
        try:
            return await run()
        except (errors.Unavailable, *OUTAGES) as error:
            _log.warning("part.waits", part=name, error=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - whatever it was, the part has to go on
            _log.exception("part.failed", part=name)
            reporter.report(error, request_id="", where=name)
        if now() - began > _LASTED:
            delay = _FIRST_DELAY
        await asyncio.sleep(delay)
        delay = min(delay * 2, _LONGEST_DELAY)


async def cancel(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancels tasks and returns when all have ended.

    Asks more than once: before Python 3.12 `asyncio.wait_for`, which clients of Valkey and SMTP
    use, swallows a cancellation that comes at the moment its result does (gh-86296).
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCEL_AGAIN)
