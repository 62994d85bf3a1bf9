"""What was revoked, in order, for those who watch."""

import threading
import time
from collections.abc import Callable, Iterator

from google.protobuf.timestamp_pb2 import Timestamp

from limen.auth.v1.auth_pb2 import Revocation, WatchRevocationsResponse

_HEARTBEAT = 0.5
_BATCH = 500
_REMEMBERED = 3600


class Feed:
    """A list that only grows; its length is the cursor. For any number of threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._revocations: list[Revocation] = []
        self._keys = 0
        self._is_silent = False
        self._is_closed = False

    @property
    def cursor(self) -> str:
        """Where somebody stands who knows all."""
        return f"{len(self._revocations)}"

    def revoke(self, session_id: str) -> None:
        """Tells that a session or API key has ended."""
        now = int(time.time())
        end = Revocation(
            session_id=session_id,
            time=Timestamp(seconds=now),
            forget_time=Timestamp(seconds=now + _REMEMBERED),
        )
        with self._changed:
            self._revocations.append(end)
            self._changed.notify_all()

    def change_keys(self) -> None:
        """Tells that the keys are to be read anew."""
        with self._changed:
            self._keys += 1
            self._changed.notify_all()

    def be_silent(self, silent: bool) -> None:
        """Says nothing more, or goes on."""
        with self._changed:
            self._is_silent = silent
            self._changed.notify_all()

    def close(self) -> None:
        """Ends all streams."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def until_closed(self, is_wanted: Callable[[], bool]) -> None:
        """Waits until closed, or no longer wanted."""
        with self._changed:
            while is_wanted() and not self._is_closed:
                self._changed.wait(_HEARTBEAT)

    def since(
        self, cursor: str, is_wanted: Callable[[], bool]
    ) -> Iterator[WatchRevocationsResponse]:
        """What happens from a cursor on, with heartbeats, until closed or no longer wanted."""
        position, keys, has_begun = int(cursor or 0), self._keys, False
        while is_wanted():
            with self._changed:
                is_idle = position == len(self._revocations) and keys == self._keys
                if self._is_silent or (has_begun and is_idle):
                    self._changed.wait(_HEARTBEAT)
                if self._is_closed:
                    return
                if self._is_silent:
                    continue
                batch = self._revocations[position : position + _BATCH]
                position += len(batch)
                is_last = position == len(self._revocations)
                keys_changed, keys = keys != self._keys, self._keys
            has_begun = True
            yield WatchRevocationsResponse(
                revocations=batch,
                cursor=f"{position}" if is_last else "",
                keys_changed=keys_changed,
            )
