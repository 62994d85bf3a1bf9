"""One call on its way through the chain."""

import time
from typing import Any, Never, Protocol

import grpc

from server.caller import Caller, Origin
from server.interceptors.policy import Rule


class Context(Protocol):
    """What the chain and the servicers use of a call's `grpc.aio.ServicerContext`.

    Calls that come in bundles have a context of their own, which offers this much.
    """

    def invocation_metadata(self) -> Any:
        """The metadata that the caller sent, as pairs."""

    def peer(self) -> str:
        """Who is at the other end of the connection."""

    def auth_context(self) -> Any:
        """What the connection proves of that, as lists of bytes by name."""

    def time_remaining(self) -> float | None:
        """The seconds until the caller's deadline; None where there is none."""

    def trailing_metadata(self) -> Any:
        """The trailing metadata so far, as pairs."""

    def set_trailing_metadata(self, trailing_metadata: tuple[tuple[str, str | bytes], ...]) -> None:
        """Replaces the metadata that the answer ends with."""

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str = "",
        trailing_metadata: Any = (),
    ) -> Never:
        """Ends the call with a status, by raising."""


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
