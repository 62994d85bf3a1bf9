"""Calls on their way to the core."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from limen.relay.v1 import relay_pb2

MOST_CALLS = 256
WANTED_BYTES = 64 * 1024
"""A bundle that is as large as this is large enough: what it saves is saved."""

_MOST_WAITING_BYTES = 1024 * 1024

# More than protobuf needs to frame a call, and each of its metadata.
_FRAMING = 64
_FRAMING_OF_PAIR = 16

Pairs = Sequence[tuple[str, str | bytes]]


@dataclass(slots=True)
class _Bundle:
    size: int = 0
    message: relay_pb2.RelayRequest = field(default_factory=relay_pb2.RelayRequest)


def size_of(method: str, request: bytes, metadata: Pairs) -> int:
    """How many bytes a call takes in a bundle, at most."""
    pairs = sum(len(key) + len(value) + _FRAMING_OF_PAIR for key, value in metadata)
    return len(method) + len(request) + pairs + _FRAMING


class Outgoing:
    """Puts calls into bundles while the last one is being written."""

    def __init__(self) -> None:
        self.max_bytes = 0
        """The greatest message that the core takes; 0 until it has said so."""
        self._bundles: deque[_Bundle] = deque()
        self._waiting_bytes = 0
        self._complete = False
        self._news = asyncio.Event()

    def takes(self, size: int) -> bool:
        """Whether a call of this many bytes can go, and soon."""
        return size <= self.max_bytes and self._waiting_bytes <= _MOST_WAITING_BYTES

    def add(
        self,
        size: int,
        *,
        call_id: int,
        method: str,
        request: bytes,
        metadata: Pairs,
        timeout: float | None,
    ) -> None:
        """Sends a call, soon. `timeout` is in seconds."""
        call = self._bundle_for(size).calls.add(
            id=call_id,
            method=method,
            request=request,
            # 0 would mean that there is no hurry.
            timeout_ms=0 if timeout is None else max(1, int(timeout * 1000)),
        )
        for key, value in metadata:
            data = value if isinstance(value, bytes) else value.encode()
            call.metadata.add(key=key, value=data)

    def cancel(self, call_id: int) -> None:
        """Sends word that nobody waits for a call, soon. Never overtakes the call itself."""
        self._bundle_for(_FRAMING).cancelled_ids.append(call_id)

    def complete(self) -> None:
        """Says that nothing more will come."""
        self._complete = True
        self._news.set()

    async def bundles(self) -> AsyncIterator[relay_pb2.RelayRequest]:
        """Whatever is there to be sent at a time, until it is complete."""
        while self._bundles or not self._complete:
            if self._bundles:
                bundle = self._bundles.popleft()
                self._waiting_bytes -= bundle.size
                yield bundle.message
            else:
                self._news.clear()
                await self._news.wait()

    def _bundle_for(self, size: int) -> relay_pb2.RelayRequest:
        """The bundle that something of this many bytes goes into."""
        bundle = self._bundles[-1] if self._bundles else None
        if bundle is None or not self._fits(bundle, size):
            bundle = _Bundle()
            self._bundles.append(bundle)
        bundle.size += size
        self._waiting_bytes += size
        self._news.set()
        return bundle.message

    def _fits(self, bundle: _Bundle, size: int) -> bool:
        wanted = min(WANTED_BYTES, self.max_bytes)
        return bundle.size + size <= wanted and len(bundle.message.calls) < MOST_CALLS
