"""Outermost: sees every call end, and logs and counts it."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from server.interceptors.call import Call, Context
from server.interceptors.origin import Origins
from server.interceptors.policy import Rule
from server.platform.logging import CallLog

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Observe:
    """Counts calls by RPC and final status, and writes one line of log for each.

    Labels are bounded: RPCs and status codes are closed lists.
    """

    def __init__(self, *, origins: Origins, registry: CollectorRegistry, log: CallLog) -> None:
        self._origins = origins
        self._log = log
        self._seconds = Histogram(
            "limen_rpc_seconds",
            "How long calls took, from their arrival to their final status.",
            ("rpc", "code"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._running = 0
        running = Gauge("limen_rpc_running", "Calls being handled.", registry=registry)
        running.set_function(lambda: self._running)
        self._unexpected = Counter(
            "limen_rpc_unexpected_errors",
            "Calls that failed for a reason nobody foresaw.",
            ("rpc",),
            registry=registry,
        )
        self._timers: dict[tuple[str, str], Callable[[float], None]] = {}

    def begin(self, rule: Rule, context: Context) -> Call:
        """Takes note of a call that has arrived."""
        # Values of `-bin` keys are bytes; nothing here asks for such a key.
        metadata = cast("dict[str, str]", dict(context.invocation_metadata() or ()))
        origin = self._origins.of(context, metadata)
        self._running += 1
        return Call(rule=rule, context=context, metadata=metadata, origin=origin)

    def end(self, call: Call, error: BaseException | None) -> None:
        """Takes note of a call's final status."""
        # A stream whose caller left while a response was on its way is closed, and not cancelled.
        if isinstance(error, asyncio.CancelledError | GeneratorExit):
            call.code = "CANCELLED"
        elapsed = time.perf_counter() - call.started
        self._running -= 1
        self._timer(call.rule.path, call.code)(elapsed)
        if call.reason == "INTERNAL":
            self._unexpected.labels(call.rule.path).inc()
        self._log.write(
            rpc=call.rule.path,
            code=call.code,
            ms=round(elapsed * 1000, 2),
            request_id=call.origin.request_id,
            **_outcome(call),
        )

    def _timer(self, path: str, code: str) -> Callable[[float], None]:
        timer = self._timers.get((path, code))
        if timer is None:
            timer = self._timers[path, code] = self._seconds.labels(path, code).observe
        return timer


def _outcome(call: Call) -> dict[str, str]:
    shown = {"reason": call.reason} if call.reason else {}
    if call.caller is not None and call.caller.principal is not None:
        shown["user_id"] = str(call.caller.principal.user_id)
    return shown
