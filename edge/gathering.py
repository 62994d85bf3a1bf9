"""Sends an answer at once that is written in pieces."""

import asyncio
from typing import Any


class GatheringTransport:
    """A transport that holds what is written until the event loop turns.

    uvicorn writes the head and the body of an answer one after the other. Together they are one
    system call and one packet instead of two, which a short answer feels.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Takes a piece, to be sent before the event loop does anything else."""
        self._pieces.append(data)
        if len(self._pieces) == 1:
            self._loop.call_soon(self._send)

    def close(self) -> None:
        """Sends what is held, and closes the connection."""
        self._send()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _send(self) -> None:
        pieces, self._pieces = self._pieces, []
        # The client may have gone since; there is nobody left to send to then.
        if pieces and not self._transport.is_closing():
            self._transport.write(b"".join(pieces))
