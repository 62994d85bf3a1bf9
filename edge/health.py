"""Whether the edge lives, and whether it can serve."""

import asyncio
from http import HTTPStatus
from typing import Any

import grpc.aio
from fastapi import APIRouter, Response
from grpc_health.v1.health_pb2 import (
    HealthCheckRequest,
    HealthCheckResponse,
)
from starlette.responses import JSONResponse

from edge.lifecycle import Lifecycle
from edge.metrics import Metrics

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PATIENCE = 1.0
"""Seconds to wait for the core: one that answers later is as good as away."""

# The names under which the core reports its dependencies. It can do without Valkey.
_SERVICES = {
    "core": "",
    "postgresql": "dependency.postgresql",
    "valkey": "dependency.valkey",
}
_NEEDED = ("core", "postgresql")


class Readiness:
    """Asks the core how it and its dependencies are (the gRPC health checking protocol)."""

    def __init__(self, *, channel: grpc.aio.Channel, lifecycle: Lifecycle) -> None:
        self._check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
        self._lifecycle = lifecycle

    async def report(self) -> tuple[bool, dict[str, Any]]:
        """Whether requests can be served, and the state of each dependency.

        A dependency is `up`, `down`, or `unknown` while the core cannot be asked.
        """
        states = await asyncio.gather(*(self._state(name) for name in _SERVICES.values()))
        dependencies = dict(zip(_SERVICES, states, strict=True))
        ready = all(dependencies[name] == "up" for name in _NEEDED)
        ready = ready and not self._lifecycle.draining
        return ready, {
            "status": "ready" if ready else "not_ready",
            "dependencies": dependencies,
        }

    async def _state(self, service: str) -> str:
        try:
            answer = await self._check(HealthCheckRequest(service=service), timeout=_PATIENCE)
        except grpc.aio.AioRpcError as error:
            is_answer = error.code() is grpc.StatusCode.NOT_FOUND
            return "unknown" if service and not is_answer else "down"
        return "up" if answer.status == HealthCheckResponse.SERVING else "down"


def health_router(readiness: Readiness, metrics: Metrics) -> APIRouter:
    """The routes for operations: `/healthz`, `/readyz` and `/metrics`."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/healthz", methods=["GET", "HEAD"])
    async def healthz() -> Response:
        return JSONResponse({"status": "ok"})

    @router.api_route("/readyz", methods=["GET", "HEAD"])
    async def readyz() -> Response:
        ready, report = await readiness.report()
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return JSONResponse(report, status)

    @router.api_route("/metrics", methods=["GET", "HEAD"])
    async def read_metrics() -> Response:
        return Response(metrics.exposition(), media_type=_METRICS_TYPE)

    return router
