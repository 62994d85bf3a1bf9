"""Runs the lifespan of an ASGI app, as a server does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp


@asynccontextmanager
async def living(app: ASGIApp) -> AsyncIterator[ASGIApp]:
    """Starts the app, and stops it at the end."""
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    outbox: asyncio.Queue[Any] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan", "state": {}}, inbox.get, outbox.put))
    try:
        await _say(inbox, outbox, "startup")
        yield app
        await _say(inbox, outbox, "shutdown")
    finally:
        await task


async def _say(inbox: asyncio.Queue[Any], outbox: asyncio.Queue[Any], phase: str) -> None:
    await inbox.put({"type": f"lifespan.{phase}"})
    answer = await outbox.get()
    assert answer["type"] == f"lifespan.{phase}.complete", answer
