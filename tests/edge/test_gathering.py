"""Answers that are written in pieces and sent at once, also to clients that have gone."""

import asyncio

from edge.gathering import GatheringTransport


class Transport:
    """Takes what is written, until it is closed: as uvloop does, it then refuses."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        if self.closed:
            raise RuntimeError("the handler is closed")
        self.sent.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def turn() -> None:
    """Lets the event loop do what is due, and fail loudly where that fails."""
    failures = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failures.append(context))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    loop.set_exception_handler(None)
    assert not failures


async def test_pieces_are_sent_together():
    transport = Transport()
    gathering = GatheringTransport(transport, asyncio.get_running_loop())

    gathering.write(b"head ")
    gathering.write(b"body")
    await turn()

    assert transport.sent == [b"head body"]


async def test_what_is_held_is_sent_before_the_end():
    transport = Transport()
    gathering = GatheringTransport(transport, asyncio.get_running_loop())

    gathering.write(b"last words")
    gathering.close()
    await turn()

    assert transport.sent == [b"last words"]


async def test_a_client_that_has_gone_is_no_failure():
    transport = Transport()
    gathering = GatheringTransport(transport, asyncio.get_running_loop())

    gathering.write(b"nobody reads this")
    transport.close()
    await turn()

    assert transport.sent == []
