"""Notices that a client has hung up, so that nobody works for it any longer."""

import asyncio
from types import TracebackType
from typing import Protocol, Self

from edge.transcoding.asgi import Receive

# Most calls are over sooner, and watching costs about as much as a small call.
_PATIENCE = 0.1


class Cancellable(Protocol):
    """A call under way."""

    def cancel(self) -> bool:
        """Give the call up."""


class Vigil:
    """Cancels a call if its client hangs up while it lasts. Used as a context around the call.

    The body of the request must have been received: what comes next is that the client goes.
    """

    def __init__(self, call: Cancellable, receive: Receive) -> None:
        self._call = call
        self._receive = receive
        self._watch: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.client_gone = False

    def __enter__(self) -> Self:
        self._timer = asyncio.get_running_loop().call_later(_PATIENCE, self._begin)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()

    def _begin(self) -> None:
        self._watch = asyncio.get_running_loop().create_task(self._until_gone())

    async def _until_gone(self) -> None:
        await hang_up(self._receive)
        self.client_gone = True
        self._call.cancel()


async def hang_up(receive: Receive) -> None:
    """Return when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
