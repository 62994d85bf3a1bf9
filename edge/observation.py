"""Sees every request first and every answer last: its id, its line in the log, its metrics."""

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from edge.facts import facts_of
from edge.metrics import UNMATCHED, Metrics

# What a request is counted as whose client left before there was an answer.
_NO_ANSWER = 499


class Observation:
    """Gives every answer its `x-request-id`; logs and counts it once it has ended.

    The line names the route, never the path: paths hold ids and queries hold tokens.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, log: FilteringBoundLogger) -> None:
        self._app = app
        self._metrics = metrics
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on and watches what becomes of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        status = _NO_ANSWER
        streamed = False
        request_id = facts_of(scope).request_id.encode("ascii")

        async def send_observed(message: Message) -> None:
            nonlocal status, streamed
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            elif message.get("more_body"):
                streamed = True
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, send_observed)
        finally:
            self._metrics.in_flight.dec()
            self._record(scope, status, perf_counter() - began, streamed=streamed)

    def _record(self, scope: Scope, status: int, seconds: float, *, streamed: bool) -> None:
        route = route_template(scope)
        method: str = scope["method"]
        self._metrics.count(method, route, status, None if streamed else seconds)
        self._log.info(
            "request",
            method=method,
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 2),
            request_id=facts_of(scope).request_id,
        )


def route_template(scope: Scope) -> str:
    """The template of the route that served a request, such as `/v1/users/{user_id}`."""
    route = scope["state"].get("route")
    if route is not None:
        return str(route.template)
    served = scope.get("route")
    return str(getattr(served, "path", UNMATCHED))
