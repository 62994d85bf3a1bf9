"""A wire to a server that a test can cut, hold and mend."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

from server.platform.database import connection_arguments

_SOCKET = ".s.PGSQL.5432"


class Wire:
    """Carries connections from one Unix socket to another, or does not."""

    def __init__(self, outer: Path, inner: Path) -> None:
        self._outer = outer
        self._inner = inner
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def mend(self) -> None:
        """Lets connections be made."""
        self._server = await asyncio.start_unix_server(self._carry, self._outer)

    async def cut(self) -> None:
        """Breaks every connection, and lets none be made."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._outer.unlink(missing_ok=True)

    def hold(self) -> None:
        """Lets nothing through from now on, without breaking anything."""
        self._flowing.clear()

    async def _carry(self, here: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        there, forth = await asyncio.open_unix_connection(self._inner)
        ways = {asyncio.create_task(self._pump(*way)) for way in ((here, forth), (there, back))}
        self._tasks |= ways
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            back.close()
            forth.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            await self._flowing.wait()
            sink.write(data)


@contextlib.asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[tuple[Wire, str]]:
    """A wire to the PostgreSQL of `url`, and the URL of its near end."""
    arguments = connection_arguments(url)
    folder = Path(tempfile.mkdtemp(prefix="limen-wire-"))
    wire = Wire(folder / _SOCKET, Path(arguments["host"]) / _SOCKET)
    await wire.mend()
    user, database = arguments["user"], arguments["database"]
    try:
        yield wire, f"postgresql+asyncpg://{user}@/{database}?host={quote(str(folder), safe='/')}"
    finally:
        await wire.cut()
        shutil.rmtree(folder)
