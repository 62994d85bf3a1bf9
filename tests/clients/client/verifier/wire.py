"""A network between verifier and limen that tests cut."""

import asyncio
from contextlib import asynccontextmanager


class Wire:
    """Forwards TCP to an address. `cut` breaks connections, `stall` holds back what they carry."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.address = ""
        self._flows = asyncio.Event()
        self._flows.set()
        self._is_whole = True
        self._connections: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Breaks what is connected and lets nobody connect."""
        self._is_whole = False
        for connection in self._connections:
            connection.cancel()

    def mend(self) -> None:
        self._is_whole = True
        self._flows.set()

    def stall(self) -> None:
        """Connections stay, and nothing comes through: a network that is dead in silence."""
        self._flows.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        far = None
        try:
            if not self._is_whole:
                return
            host, _, port = self.target.rpartition(":")
            far_reader, far = await asyncio.open_connection(host, int(port))
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far))
                group.create_task(self._pump(far_reader, writer))
        except* (OSError, asyncio.CancelledError, EOFError):
            pass  # what a wire does
        finally:
            self._connections.discard(task)
            for end in (writer, far):
                if end is not None:
                    end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        raise EOFError


@asynccontextmanager
async def wire(target: str):
    between = Wire(target)
    server = await asyncio.start_server(between.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    between.address = f"127.0.0.1:{port}"
    try:
        yield between
    finally:
        server.close()
        between.cut()
        await asyncio.sleep(0)
