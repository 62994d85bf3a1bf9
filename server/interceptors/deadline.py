"""No call runs forever: its own deadline, or the core's, whichever is sooner.

The time left is a plain asyncio timeout, so it reaches the database: cancelling a task that waits
for PostgreSQL makes asyncpg cancel the query there.
"""

import asyncio

from server import errors
from server.interceptors.call import Call


class Deadline:
    """Caps the time of unary calls at `longest` seconds."""

    def __init__(self, *, longest: float) -> None:
        self._longest = longest

    def cap(self, call: Call) -> asyncio.Timeout:
        """A block that is cancelled when the call's time is up."""
        left = call.context.time_remaining()
        return asyncio.timeout(self._longest if left is None else min(left, self._longest))

    @staticmethod
    def exceeded() -> errors.LimenError:
        """What a call whose time is up is answered with."""
        return errors.DeadlineExceeded()
