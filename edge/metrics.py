"""What operators count (Prometheus; OpenMetrics names)."""

from http import HTTPMethod

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import generate_latest

UNMATCHED = "unmatched"

_METHODS = frozenset(HTTPMethod)
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)


class Metrics:
    """The metrics of one edge.

    Labels come from closed sets: the route is a template of the contract, or `unmatched`; the
    method one of HTTP's, or `other`; the status only its class, for instance `2xx`. So no client
    can make the number of series grow.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "limen_edge_requests",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._durations = Histogram(
            "limen_edge_request_duration_seconds",
            "Time from the head of a request to the end of its answer, without streams.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.in_flight = Gauge(
            "limen_edge_requests_in_flight",
            "Requests that are being worked on.",
            registry=self._registry,
        )
        # Looking a series up by its labels costs more than adding to it.
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def count(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """Counts one answer. `seconds` is None for a stream, whose length says nothing."""
        key = (method if method in _METHODS else "other", route, status // 100)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = self._make_series(*key)
        counter, histogram = series
        counter.inc()
        if seconds is not None:
            histogram.observe(seconds)

    def exposition(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self._registry)

    def _make_series(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        return (
            self._requests.labels(method, route, f"{status}xx"),
            self._durations.labels(method, route),
        )
