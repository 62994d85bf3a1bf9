"""The embedded servers together: started and stopped at the same time."""

import asyncio
from types import TracebackType
from typing import Self

from server.platform.embedded.daemon import Daemon
from server.platform.embedded.directory import DataDirectory
from server.platform.embedded.postgres import EmbeddedPostgres
from server.platform.embedded.valkey import EmbeddedValkey

_STOP_WITHIN = 5.0


class EmbeddedServers:
    """PostgreSQL and Valkey in a data directory that this run has entered. A context manager."""

    def __init__(self, data: DataDirectory, *, durable: bool = True) -> None:
        sockets = data.sockets()
        self.postgres = EmbeddedPostgres(
            directory=data.path / "postgres",
            sockets=sockets,
            log=data.log("postgres"),
            durable=durable,
        )
        self.valkey = EmbeddedValkey(
            directory=data.path / "valkey",
            sockets=sockets,
            log=data.log("valkey"),
            durable=durable,
        )

    async def __aenter__(self) -> Self:
        """Starts both. When one fails, the other is stopped before this raises `EmbeddedError`."""
        starts = (each.start() for each in self._both)
        faults = [fault for fault in await asyncio.gather(*starts, return_exceptions=True) if fault]
        if faults:
            await self._stop()
            raise faults[0]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    @property
    def _both(self) -> tuple[Daemon, Daemon]:
        return self.postgres, self.valkey

    async def _stop(self) -> None:
        await asyncio.gather(*(each.stop(_STOP_WITHIN) for each in self._both))
