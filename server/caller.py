"""Who is calling, from where: set by the access interceptor, read by servicers."""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Delivery(StrEnum):
    """How a client receives what it will present later."""

    TOKENS = "tokens"
    COOKIE = "cookie"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call comes from."""

    request_id: str
    network: str = ""
    """The network address of the client, as the edge or the socket says."""
    user_agent: str = ""
    language: str = "en"
    by_edge: bool = False
    """Whether the edge speaks for the client, whose own connection nobody here sees."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Someone who proved who they are, with what they may do right now."""

    user_id: UUID
    session_id: UUID
    permissions: frozenset[str] = frozenset()
    proof_time: datetime | None = None
    """When the user last proved who they are (UTC)."""
    by_cookie: bool = False
    """Whether the credential came as a cookie rather than as a token."""
    two_factors: bool = False
    """Whether a second factor was shown when the session was opened."""
    api_key_id: UUID | None = None
    """The API key that the call is made with; `session_id` is then the same."""
    certificate: str | None = None
    """The thumbprint of the client certificate that the credential is bound to (RFC 8705)."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A call's origin, and its principal when it is signed in."""

    origin: Origin
    principal: Principal | None = None

    def signed_in(self) -> Principal:
        """The principal of a call whose policy demands one."""
        if self.principal is None:
            raise LookupError("the policy of this RPC lets anonymous callers in")
        return self.principal

    def may(self, permission: str) -> bool:
        """Whether the caller holds a permission."""
        return self.principal is not None and permission in self.principal.permissions


SYSTEM = Caller(origin=Origin(request_id=""))
"""limen itself, for work that nobody called for."""

_current: ContextVar[Caller] = ContextVar("limen_caller")


def current() -> Caller:
    """The caller of the RPC that is being handled."""
    return _current.get()


def set_current(caller: Caller) -> None:
    """Makes `caller` the one that `current` answers with, within this task."""
    _current.set(caller)
