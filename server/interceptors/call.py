"""One call on its way through the chain."""

import time
from typing import Any, TypeAlias

import grpc

from server.caller import Caller, Origin
from server.interceptors.policy import Rule

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class Call:
    """What the interceptors know of a call. Made by `observe`, completed by `access`."""

    __slots__ = ("caller", "code", "context", "metadata", "origin", "reason", "rule", "started")

    def __init__(
        self, *, rule: Rule, context: Context, metadata: dict[str, str], origin: Origin
    ) -> None:
        self.rule = rule
        self.context = context
        self.metadata = metadata
        self.origin = origin
        self.started = time.perf_counter()
        self.caller: Caller | None = None
        self.code = "OK"
        self.reason = ""
