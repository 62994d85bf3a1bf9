"""What one watcher of revocations has still to be told."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from server import errors
from server.auth.revocation_log import BATCH, Revocation

_LONGEST_BACKLOG = 10_000
_RETRY_AFTER = 1.0


@dataclass(frozen=True, slots=True)
class News:
    """One message to a watcher. Without revocations it is a sign of life."""

    revocations: Sequence[Revocation]
    cursor: str
    """Where to go on after a break; empty when there is more to tell first."""
    keys_changed: bool = False


class Subscription:
    """Gathers news for a watcher, who may be slower than they come.

    What has not been taken yet makes one message, so that a slow watcher gets fewer and larger
    ones. When too much has piled up the subscription ends: whoever begins again at their cursor
    reads the rest from the database.
    """

    def __init__(self) -> None:
        self._waiting: deque[Revocation] = deque()
        self._cursor = ""
        self._keys_changed = False
        self._has_ended = False
        self._something = asyncio.Event()

    def tell(
        self, revocations: Sequence[Revocation], cursor: str, *, keys_changed: bool = False
    ) -> None:
        """Adds news. An empty cursor says that more of the same reading follows."""
        self._waiting.extend(revocations)
        self._cursor = cursor or self._cursor
        self._keys_changed |= keys_changed
        self._something.set()
        if len(self._waiting) > _LONGEST_BACKLOG:
            self.end()

    def end(self) -> None:
        """Lets the watcher know that there will be nothing more."""
        self._has_ended = True
        self._waiting.clear()
        self._something.set()

    async def next(self) -> News:
        """The next message, as soon as there is one.

        Raises `errors.Unavailable` when the subscription has ended.
        """
        await self._something.wait()
        if self._has_ended:
            raise errors.Unavailable(retry_after=_RETRY_AFTER)
        count = min(len(self._waiting), BATCH)
        revocations = [self._waiting.popleft() for _ in range(count)]
        if self._waiting:
            return News(revocations, "")
        news = News(revocations, self._cursor, keys_changed=self._keys_changed)
        self._keys_changed = False
        self._something.clear()
        return news
