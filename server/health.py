"""Telling operations whether this process can serve (gRPC health checking protocol).

`""` and every service by full name are SERVING while PostgreSQL answers and has limen's schema, and
NOT_SERVING until that is known. `dependency.postgresql` and `dependency.valkey` tell of each
dependency; the absence of Valkey holds mail back and closes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias

import grpc
import structlog
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import aio

POSTGRESQL = "dependency.postgresql"
VALKEY = "dependency.valkey"

_PROBE_SECONDS = 1.0
_PROBE_TIMEOUT = 2.0

_Answer = health_pb2.HealthCheckResponse
Ping = Callable[[], Awaitable[None]]
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

_log = structlog.get_logger(__name__)


class HealthServicer(aio.HealthServicer):
    """gRPC's health service, whose streams end when the process stops.

    Else whoever watches would keep the process from stopping until its grace has run out.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._closes = False

    async def Watch(  # noqa: N802 - the name that the protocol gives it
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> None:
        """Sends the status of a service now and at every change, until the process stops."""
        last: int | None = None
        while True:
            changed = self._changed
            status = self._shown.get(request.service, _Answer.SERVICE_UNKNOWN)
            if status != last:
                await context.write(_Answer(status=status))
                last = status
                continue
            if self._closes:
                return
            await changed.wait()

    async def set(self, service: str, status: int) -> None:
        """Tells everybody of a service's status; nobody, once the process stops."""
        await super().set(service, status)
        if not self._closes:
            self._shown[service] = status
            self._tell()

    async def enter_graceful_shutdown(self) -> None:
        """NOT_SERVING for good; streams end after having said so."""
        await super().enter_graceful_shutdown()
        self._closes = True
        self._shown = dict.fromkeys(self._shown, _Answer.NOT_SERVING)
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class Health:
    """Probes the dependencies every second and keeps the health service up to date."""

    def __init__(self, *, services: Iterable[str], postgresql: Ping, valkey: Ping) -> None:
        self.servicer = HealthServicer()
        self._services = ("", *services)
        self._pings = {POSTGRESQL: postgresql, VALKEY: valkey}
        self._up: dict[str, bool] = {}

    async def open(self) -> None:
        """NOT_SERVING until a probe says otherwise. Comes before the server listens."""
        self._up.clear()
        for name in (*self._services, *self._pings):
            await self.servicer.set(name, _Answer.NOT_SERVING)

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
        status = _Answer.SERVING if up else _Answer.NOT_SERVING
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
