"""Which sessions have ended although their tokens have not expired."""

import heapq

from limen.auth.v1.auth_pb2 import Revocation

_LONGER = 300.0
"""How much longer than limen asks for an end is remembered, in seconds: a clock of this machine
that is set back by less revives nothing."""


class Revoked:
    """The ids of what was revoked: of sessions, of service tokens, of API keys.

    Each is kept for as long as a token of it could live, counted on the monotonic clock, so that
    the memory is bounded by the revocations of one lifetime of a token.
    """

    def __init__(self) -> None:
        self._forget_at: dict[str, float] = {}
        self._order: list[tuple[float, str]] = []

    def add(self, revocation: Revocation, now: float) -> None:
        """Remembers a revocation. `now` is monotonic, in seconds."""
        session_id = revocation.session_id
        remaining = revocation.forget_time.ToNanoseconds() - revocation.time.ToNanoseconds()
        forget_at = now + max(0.0, remaining / 1e9) + _LONGER
        # One that is told twice is kept for as long as the longer of both asks.
        if forget_at > self._forget_at.get(session_id, 0.0):
            self._forget_at[session_id] = forget_at
            heapq.heappush(self._order, (forget_at, session_id))

    def forget(self, now: float) -> None:
        """Lets go of what no token outlives. `now` is monotonic, in seconds."""
        while self._order and self._order[0][0] <= now:
            forget_at, session_id = heapq.heappop(self._order)
            if self._forget_at.get(session_id) == forget_at:
                del self._forget_at[session_id]

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._forget_at

    def __len__(self) -> int:
        return len(self._forget_at)
