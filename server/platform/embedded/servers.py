"""The embedded servers together: started and stopped at the same time."""

import asyncio
from collections.abc import Sequence
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
        await start_all([self.postgres, self.valkey])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.gather(*(each.stop(_STOP_WITHIN) for each in (self.postgres, self.valkey)))


async def start_all(servers: Sequence[Daemon]) -> None:
    """Starts servers at the same time. When one fails, the others are stopped before it raises."""
    outcomes = await asyncio.gather(*(each.start() for each in servers), return_exceptions=True)
    faults = [outcome for outcome in outcomes if outcome is not None]
    if faults:
        await asyncio.gather(*(each.stop(_STOP_WITHIN) for each in servers))
        raise faults[0]
