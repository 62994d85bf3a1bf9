"""Streams last no longer than what let them begin.

A unary call is over before its caller's access can end; a stream may go on for days.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

_CHECK_SECONDS = 1.0

_Item = TypeVar("_Item")


async def while_allowed(
    items: AsyncGenerator[_Item, None], check: Callable[[], Awaitable[None]]
) -> AsyncGenerator[_Item, None]:
    """Passes items on for as long as `check` does not raise, and closes their generator.

    Checks before every item, and every second while there is none, so `check` has to be cheap.
    """
    upcoming = _next(items)
    try:
        while True:
            await asyncio.wait({upcoming}, timeout=_CHECK_SECONDS)
            await check()
            if not upcoming.done():
                continue
            try:
                item = upcoming.result()
            except StopAsyncIteration:
                return
            yield item
            upcoming = _next(items)
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)
        await items.aclose()


def _next(items: AsyncGenerator[_Item, None]) -> "asyncio.Task[_Item]":
    async def take() -> _Item:
        return await anext(items)

    return asyncio.create_task(take())
