"""Hears from limen which sessions end, and knows since when it has not."""

import asyncio
import logging
import random
from collections.abc import Callable

from limen.auth.v1.auth_pb2 import WatchRevocationsRequest, WatchRevocationsResponse
from limen.auth.v1.auth_pb2_grpc import AuthServiceStub
from limen.client.errors import (
    FailedPrecondition,
    InvalidRequest,
    LimenError,
    PermissionDenied,
    Unauthenticated,
)
from limen.client.verifier.counters import Counters
from limen.client.verifier.keys import Keys
from limen.client.verifier.revoked import Revoked

_PATIENCE = 3.0
"""Silence after which the stream counts as lost, in seconds. limen speaks every second."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_KEYS_LAST = 300.0
"""How long keys are believed without being read again, in seconds."""

_log = logging.getLogger("limen.verifier")


class Watch:
    """Follows the stream of revocations, over whichever core answers, until cancelled.

    bound: how old the knowledge may be before it counts as stale, in seconds.
    monotonic: the time in seconds, on a clock that nobody sets.
    """

    def __init__(
        self,
        auth: AuthServiceStub,
        *,
        keys: Keys,
        revoked: Revoked,
        counters: Counters,
        bound: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._auth = auth
        self._keys = keys
        self._revoked = revoked
        self._counters = counters
        self._bound = bound
        self._patience = min(_PATIENCE, bound * 0.75)
        self._monotonic = monotonic
        self._keys_doubtful = True
        self._pause = _SHORTEST_PAUSE
        self.cursor = ""
        """Up to where all revocations are known. Empty until the first backlog has been read."""
        self.heard_at = float("-inf")
        """When limen last confirmed that nothing is missing, on the monotonic clock."""
        self.settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.settled.add_done_callback(asyncio.Future.exception)  # nobody may be waiting
        """Done when the first backlog has been read; fails when limen refuses to tell."""

    @property
    def fresh_until(self) -> float:
        """Until when what is known here counts, on the monotonic clock."""
        return self.heard_at + self._bound

    async def run(self) -> None:
        """Follows the stream; when it breaks, goes on where it broke."""
        while True:
            try:
                await self._follow()
                _log.info("the stream of revocations ended")
            except TimeoutError:
                _log.warning("limen has fallen silent; asking for another stream")
            except LimenError as fault:
                self._refused(fault)
            # Spread, so that the services of a core that ended do not all return at once.
            await asyncio.sleep(self._pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    async def _follow(self) -> None:
        """Reads one stream to its end. Raises LimenError, and TimeoutError after silence."""
        # What changed while nobody listened may have been keys, too.
        self._keys_doubtful = True
        self._counters.streams += 1
        call = self._auth.WatchRevocations(WatchRevocationsRequest(cursor=self.cursor))
        try:
            answers, last = aiter(call), self._monotonic()
            while True:
                async with asyncio.timeout(self._patience):
                    answer = await anext(answers, None)
                if answer is None:
                    return
                now = self._monotonic()
                if now - last > self._bound:
                    # This process stood still, and what it reads now was said long ago.
                    raise TimeoutError
                last = now
                await self._take(answer)
        finally:
            call.cancel()

    async def _take(self, answer: WatchRevocationsResponse) -> None:
        now = self._monotonic()
        for revocation in answer.revocations:
            self._revoked.add(revocation, now)
        self._counters.revocations += len(answer.revocations)
        self._revoked.forget(now)
        if not answer.cursor:
            return  # Part of a backlog: there is more to know.
        self.cursor = answer.cursor
        if answer.keys_changed or now - self._keys.read_at > _KEYS_LAST:
            self._keys_doubtful = True
        if self._keys_doubtful:
            await self._keys.read()
            self._keys_doubtful = False
        self._confirm(now)

    def _confirm(self, now: float) -> None:
        self.heard_at = now
        self._pause = _SHORTEST_PAUSE
        if not self.settled.done():
            self.settled.set_result(None)

    def _refused(self, fault: LimenError) -> None:
        if isinstance(fault, (InvalidRequest, FailedPrecondition)):
            # The cursor is of no use any more. What is known stays; the rest is told anew.
            self.cursor = ""
        if isinstance(fault, (Unauthenticated, PermissionDenied)):
            _log.error("limen does not tell about revocations: %s", fault)
            if not self.settled.done():
                self.settled.set_exception(fault)
        else:
            _log.warning("the stream of revocations broke: %s", fault)
        if fault.retry_after is not None:
            self._pause = min(max(self._pause, fault.retry_after), _LONGEST_PAUSE)
