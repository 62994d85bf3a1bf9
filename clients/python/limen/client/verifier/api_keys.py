"""API keys: opaque, so what they amount to is what limen says of them."""

import re
from datetime import UTC, datetime

from limen.auth.v1.auth_pb2 import IntrospectTokenResponse
from limen.client.verifier.claims import Claims
from limen.client.verifier.errors import CredentialInvalid
from limen.client.verifier.jws import Expected

PREFIX = "lmk_"
"""How the secrets of API keys begin."""

_SHAPE = re.compile(r"lmk_[0-9A-Za-z]{49}")


def is_well_formed(secret: str) -> bool:
    """Whether limen may have made a secret. Others are not worth a question."""
    return _SHAPE.fullmatch(secret) is not None


def claims(answer: IntrospectTokenResponse, expected: Expected, now: float) -> Claims:
    """The claims in the description of a key (RFC 7662, section 2.2).

    Raises `CredentialInvalid` for one that is not live at `now`, in seconds since 1970 (UTC).
    """
    if not answer.active or not answer.sub or not answer.sid:
        raise CredentialInvalid("not active")
    if answer.HasField("aud") and answer.aud != expected.audience:
        raise CredentialInvalid("audience")
    if answer.HasField("exp") and now >= answer.exp + expected.leeway:
        raise CredentialInvalid("expired")
    return Claims(
        user_id=answer.sub,
        session_id=answer.sid,
        token_id="",
        client_id=answer.client_id,
        scopes=frozenset(answer.scope.split()),
        amr=tuple(answer.amr),
        acr=answer.acr,
        auth_time=None,
        issue_time=_moment(answer.iat) if answer.HasField("iat") else None,
        expire_time=_moment(answer.exp) if answer.HasField("exp") else None,
        certificate=None,
        is_api_key=True,
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
