"""The responses of a stream as they come, and the silence between them."""

import asyncio
from enum import Enum
from typing import Any, Literal

import grpc

from edge.transcoding.asgi import Receive
from edge.transcoding.body import ClientGoneError
from edge.transcoding.vigil import hang_up


class Pause(Enum):
    """What can be there in place of a response."""

    SILENCE = "nothing has come for a while"
    END = "nothing will come any more"


class Feed:
    """Reads a stream of responses while watching whether the client is still there."""

    def __init__(self, call: grpc.aio.UnaryStreamCall[bytes, bytes], receive: Receive) -> None:
        self._call = call
        self._gone = asyncio.ensure_future(hang_up(receive))
        self._reading = self._read()

    async def next(self, patience: float) -> bytes | Literal[Pause.SILENCE, Pause.END]:
        """Return the next response, or what there is instead after `patience` seconds.

        Raises:
            grpc.aio.AioRpcError: The call failed.
            ClientGoneError: The client hung up.
        """
        await asyncio.wait(
            (self._reading, self._gone), timeout=patience, return_when=asyncio.FIRST_COMPLETED
        )
        if self._gone.done():
            raise ClientGoneError
        if not self._reading.done():
            return Pause.SILENCE
        response = self._reading.result()
        if response is grpc.aio.EOF:
            return Pause.END
        self._reading = self._read()
        return bytes(response)

    def close(self) -> None:
        """Give the stream up; the server learns of it."""
        self._gone.cancel()
        self._reading.cancel()
        self._call.cancel()

    def _read(self) -> asyncio.Task[Any]:
        reading = asyncio.ensure_future(self._call.read())
        reading.add_done_callback(_notice)
        return reading


def _notice(reading: asyncio.Task[Any]) -> None:
    """Look at how a read ended, for nobody else may: asyncio complains of unseen errors."""
    if not reading.cancelled():
        reading.exception()
