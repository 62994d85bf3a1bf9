"""Who is calling, and may they? Sets the `Caller` that servicers see."""

from typing import Any, Protocol
from uuid import UUID

from google.protobuf.message import Message

from server import assurance, errors
from server.caller import Caller, Principal, set_current
from server.interceptors import peer_certificate
from server.interceptors.call import Call
from server.interceptors.policy import Assurance, Rule
from server.platform.clock import Clock

_AUTHORIZATION = "authorization"
_SESSION = "limen-session"
_BEARER = "bearer "
ME = "me"


class Authenticator(Protocol):
    """Knows whose credential it is."""

    async def by_token(self, token: str, network: str) -> Principal:
        """The principal of a bearer token, shown from `network`.

        Raises `errors.CredentialInvalid`.
        """

    async def by_cookie(self, credential: str) -> Principal:
        """The principal of a session cookie. Raises `errors.CredentialInvalid`."""


class Denials(Protocol):
    """Takes note of what was not allowed."""

    async def denied(self, caller: Caller, action: str) -> None:
        """Records that `caller` tried `action` without being allowed to."""


class Enrolments(Protocol):
    """Knows who has a second factor."""

    async def has_factor(self, user_id: UUID) -> bool:
        """Whether a user could show a second factor."""


class Access:
    """Holds every call to its policy. Nothing that is not allowed gets through."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        enrolments: Enrolments,
        denials: Denials,
        clock: Clock,
    ) -> None:
        self._authenticator = authenticator
        self._enrolments = enrolments
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
        refusal = self._refusal(call, principal, request)
        if refusal is not None:
            if rule.audit_event:
                await self._denials.denied(caller, rule.audit_event)
            raise refusal
        await self._check_strength(principal, rule)

    async def _principal(self, call: Call) -> Principal | None:
        header = call.metadata.get(_AUTHORIZATION)
        if header is not None:
            if header[:7].lower() != _BEARER:
                return self._refused(call)
            try:
                return await self._by_token(call, header[7:].strip())
            except errors.CredentialInvalid:
                return self._refused(call)
        cookie = call.metadata.get(_SESSION)
        if cookie is None:
            return None
        try:
            return await self._authenticator.by_cookie(cookie)
        except errors.CredentialInvalid:
            return self._refused(call)

    async def _by_token(self, call: Call, token: str) -> Principal:
        principal = await self._authenticator.by_token(token, call.origin.network)
        # A token that names a certificate is worth nothing without it (RFC 8705, section 3).
        if principal.certificate is not None and (
            principal.certificate != peer_certificate.thumbprint(call.context, call.origin)
        ):
            raise errors.CredentialInvalid
        return principal

    @staticmethod
    def _refused(call: Call) -> None:
        # A stale cookie or token must not keep anybody from signing in again.
        if not call.rule.public:
            raise errors.CredentialInvalid

    def _refusal(
        self, call: Call, principal: Principal, request: Message | None
    ) -> errors.LimenError | None:
        rule = call.rule
        if principal.api_key_id is not None and self._is_closed_to_keys(rule):
            return errors.CredentialKindRefused()
        if rule.permission in principal.permissions:
            return None
        if principal.api_key_id is not None and not rule.open_to_api_keys:
            return errors.PermissionDenied(permission=rule.permission)
        if rule.permission and not self._is_own(call, principal, request):
            return errors.PermissionDenied(permission=rule.permission)
        return None

    @staticmethod
    def _is_closed_to_keys(rule: Rule) -> bool:
        # A key proves nothing about who is there, so it cannot stand in for a fresh proof.
        needs_a_person = bool(rule.max_proof_age or rule.assurance)
        return needs_a_person or not (rule.permission or rule.open_to_api_keys)

    def _is_own(self, call: Call, principal: Principal, request: Message | None) -> bool:
        if not call.rule.own_field or request is None:
            return False
        named: Any = request
        for part in call.rule.own_field:
            named = getattr(named, part)
        return bool(named == ME or named.lower() == str(principal.user_id))

    async def _check_strength(self, principal: Principal, rule: Rule) -> None:
        if rule.assurance and not principal.two_factors:
            everybody = rule.assurance is Assurance.TWO_FACTORS
            if everybody or await self._enrolments.has_factor(principal.user_id):
                raise errors.AssuranceTooLow(acr=assurance.TWO_FACTORS)
        max_age, proved = rule.max_proof_age, principal.proof_time
        if not max_age:
            return
        if proved is None or (self._clock.now() - proved).total_seconds() > max_age:
            raise errors.ProofTooOld(maxAgeSeconds=f"{max_age:.0f}")
