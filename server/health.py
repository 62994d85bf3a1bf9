"""Telling operations whether this process can serve (gRPC health checking protocol).

`""` and every service by full name are SERVING while PostgreSQL answers and has limen's schema, and
NOT_SERVING until that is known. `dependency.postgresql` and `dependency.valkey` tell of each
dependency; the absence of Valkey holds mail back and closes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import aio

POSTGRESQL = "dependency.postgresql"
VALKEY = "dependency.valkey"

_PROBE_SECONDS = 1.0
_PROBE_TIMEOUT = 2.0

Ping = Callable[[], Awaitable[None]]

_log = structlog.get_logger(__name__)


class Health:
    """Probes the dependencies every second and keeps the health service up to date."""

    def __init__(self, *, services: Iterable[str], postgresql: Ping, valkey: Ping) -> None:
        self.servicer = aio.HealthServicer()
        self._services = ("", *services)
        self._pings = {POSTGRESQL: postgresql, VALKEY: valkey}
        self._up: dict[str, bool] = {}

    async def open(self) -> None:
        """NOT_SERVING until a probe says otherwise. Comes before the server listens."""
        self._up.clear()
        for name in (*self._services, *self._pings):
            await self.servicer.set(name, health_pb2.HealthCheckResponse.NOT_SERVING)

    async def run(self) -> None:
        """Probes until cancelled."""
        while True:
            await self.probe()
            await asyncio.sleep(_PROBE_SECONDS)

    async def probe(self) -> None:
        """Asks each dependency once and publishes what changed."""
        await asyncio.gather(*(self._look_at(name) for name in self._pings))

    async def close(self) -> None:
        """NOT_SERVING for good, before the first call is drained."""
        await self.servicer.enter_graceful_shutdown()

    async def _look_at(self, name: str) -> None:
        up = await self._answers(name, self._pings[name])
        if self._up.get(name) is up:
            return
        self._up[name] = up
        _log.info("dependency.up" if up else "dependency.down", dependency=name)
        shown = [name, *self._services] if name == POSTGRESQL else [name]
        known = health_pb2.HealthCheckResponse
        status = known.SERVING if up else known.NOT_SERVING
        for service in shown:
            await self.servicer.set(service, status)

    @staticmethod
    async def _answers(name: str, ping: Ping) -> bool:
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT):
                await ping()
        except Exception as error:  # noqa: BLE001 - whatever it is, there is nothing to work with
            _log.debug("dependency.fails", dependency=name, error=type(error).__name__)
            return False
        return True
