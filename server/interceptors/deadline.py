"""No call runs forever: its own deadline, or the core's, whichever is sooner.

When the time is up the task is cancelled, so it reaches the database: cancelling a task that waits
for PostgreSQL makes asyncpg cancel the query there.
"""

import asyncio
from types import TracebackType

from server import errors
from server.interceptors.call import Call


class Deadline:
    """Caps the time of unary calls at `longest` seconds."""

    def __init__(self, *, longest: float) -> None:
        self._longest = longest

    def cap(self, call: Call) -> "Cap":
        """A block that is cancelled when the call's time is up."""
        left = call.context.time_remaining()
        return Cap(self._longest if left is None else min(left, self._longest))

    @staticmethod
    def exceeded() -> errors.LimenError:
        """What a call whose time is up is answered with."""
        return errors.DeadlineExceeded()


class Cap:
    """`asyncio.timeout` for the one task of a call, at a third of its cost.

    Like that it raises `TimeoutError` when it was the time that cancelled the block, and lets
    every other cancellation through. Must be entered once, in the task that runs the block.
    """

    __slots__ = ("_asked_before", "_is_over", "_seconds", "_task", "_timer")

    _task: "asyncio.Task[object]"
    _timer: asyncio.TimerHandle

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._asked_before = 0
        self._is_over = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be cancelled")
        self._task = task
        self._asked_before = task.cancelling()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(self._seconds, 0.0), self._end)

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if not self._is_over:
            return
        is_ours_alone = self._task.uncancel() <= self._asked_before
        if is_ours_alone and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error

    def _end(self) -> None:
        self._is_over = True
        self._task.cancel()
