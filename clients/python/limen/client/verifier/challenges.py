"""Refusals as HTTP answers: Problem Details (RFC 9457) and a challenge (RFC 6750, section 3)."""

import json
from collections.abc import Mapping

from limen.client.verifier.errors import (
    AssuranceTooLow,
    CredentialMissing,
    PermissionDenied,
    ProofTooOld,
    StaleError,
    VerificationError,
)

MEDIA_TYPE = "application/problem+json"

_SCHEME = 'Bearer realm="limen"'
_UNAUTHORIZED = 401


def document(refusal: VerificationError) -> dict[str, object]:
    """The problem, with the members that limen's own refusals have."""
    members: dict[str, object] = {
        "type": "about:blank",
        "title": refusal.message,
        "status": refusal.http_status,
        "code": refusal.code.name,
        "reason": refusal.reason,
    }
    if refusal.metadata:
        members["metadata"] = refusal.metadata
    return members


def problem(refusal: VerificationError) -> bytes:
    """The body of an answer of type `MEDIA_TYPE`."""
    return json.dumps(document(refusal)).encode()


def headers(refusal: VerificationError) -> Mapping[str, str]:
    """What goes along, in lower case."""
    found = {"cache-control": "no-store"}
    if refusal.http_status == _UNAUTHORIZED or isinstance(refusal, PermissionDenied):
        found["www-authenticate"] = _challenge(refusal)
    if isinstance(refusal, StaleError):
        found["retry-after"] = f"{refusal.retry_after:.0f}"
    return found


def _challenge(refusal: VerificationError) -> str:
    """How to authenticate, or (RFC 9470, section 3) to do so again, fresher or stronger."""
    if isinstance(refusal, CredentialMissing):
        return _SCHEME
    if isinstance(refusal, ProofTooOld):
        age = refusal.metadata["maxAgeSeconds"]
        return f'{_SCHEME}, error="insufficient_user_authentication", max_age="{age}"'
    if isinstance(refusal, AssuranceTooLow):
        acr = refusal.metadata["acr"]
        return f'{_SCHEME}, error="insufficient_user_authentication", acr_values="{acr}"'
    if isinstance(refusal, PermissionDenied):
        scope = refusal.metadata["permission"]
        return f'{_SCHEME}, error="insufficient_scope", scope="{scope}"'
    return f'{_SCHEME}, error="invalid_token"'
