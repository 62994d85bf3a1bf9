"""Who is calling, and may they? Sets the `Caller` that servicers see."""

from typing import Any, Protocol

from google.protobuf.message import Message

from server import errors
from server.caller import Caller, Principal, set_current
from server.interceptors.call import Call
from server.platform.clock import Clock

_AUTHORIZATION = "authorization"
_SESSION = "limen-session"
_BEARER = "bearer "
ME = "me"


class Authenticator(Protocol):
    """Knows whose credential it is."""

    async def by_token(self, token: str) -> Principal:
        """The principal of a bearer token. Raises `errors.CredentialInvalid`."""

    async def by_cookie(self, credential: str) -> Principal:
        """The principal of a session cookie. Raises `errors.CredentialInvalid`."""


class Denials(Protocol):
    """Takes note of what was not allowed."""

    async def denied(self, caller: Caller, action: str) -> None:
        """Records that `caller` tried `action` without being allowed to."""


class Access:
    """Holds every call to its policy. Nothing that is not allowed gets through."""

    def __init__(self, *, authenticator: Authenticator, denials: Denials, clock: Clock) -> None:
        self._authenticator = authenticator
        self._denials = denials
        self._clock = clock

    async def admit(self, call: Call, request: Message | None) -> None:
        """Lets a call pass or raises the reason why not."""
        principal = await self._principal(call)
        caller = call.caller = Caller(origin=call.origin, principal=principal)
        set_current(caller)
        rule = call.rule
        if rule.public:
            return
        if principal is None:
            raise errors.Unauthenticated
        if rule.permission and not self._allowed(call, principal, request):
            if rule.audit_event:
                await self._denials.denied(caller, rule.audit_event)
            raise errors.PermissionDenied(permission=rule.permission)
        if rule.max_proof_age:
            self._check_proof(principal, rule.max_proof_age)

    async def _principal(self, call: Call) -> Principal | None:
        header = call.metadata.get(_AUTHORIZATION)
        if header is not None:
            if header[:7].lower() != _BEARER:
                return self._refused(call)
            try:
                return await self._authenticator.by_token(header[7:].strip())
            except errors.CredentialInvalid:
                return self._refused(call)
        cookie = call.metadata.get(_SESSION)
        if cookie is None:
            return None
        try:
            return await self._authenticator.by_cookie(cookie)
        except errors.CredentialInvalid:
            return self._refused(call)

    @staticmethod
    def _refused(call: Call) -> None:
        # A stale cookie or token must not keep anybody from signing in again.
        if not call.rule.public:
            raise errors.CredentialInvalid

    def _allowed(self, call: Call, principal: Principal, request: Message | None) -> bool:
        if call.rule.permission in principal.permissions:
            return True
        if not call.rule.own_field or request is None:
            return False
        named: Any = request
        for part in call.rule.own_field:
            named = getattr(named, part)
        return bool(named == ME or named.lower() == str(principal.user_id))

    def _check_proof(self, principal: Principal, max_age: float) -> None:
        proved = principal.proof_time
        if proved is None or (self._clock.now() - proved).total_seconds() > max_age:
            raise errors.ProofTooOld(maxAgeSeconds=f"{max_age:.0f}")
