"""Access tokens: JWTs of type `at+jwt` (RFC 9068), signed with EdDSA over Ed25519 (RFC 8037).

Pure: keys and time are passed in, nothing is looked up. The key is chosen by `kid` from the keys
that limen itself made; no header can name another key, place or algorithm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM = "EdDSA"
TYPE = "at+jwt"
CLIENT = "limen"

LONGEST_LIFETIME = timedelta(hours=1)
"""No access token lives longer, whatever the settings say."""

_REQUIRED = ("iss", "sub", "aud", "exp", "iat", "jti", "sid", "auth_time")
_ALLOWED_HEADERS = frozenset({"alg", "typ", "kid"})
_LONGEST = 4096

# RFC 8705, section 3.1
_CONFIRMATION = "cnf"
_THUMBPRINT = "x5t#S256"


class TokenRefusedError(Exception):
    """Not an access token of this issuer, or one that has expired."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says."""

    issuer: str
    audience: str
    user_id: UUID
    session_id: UUID
    token_id: str
    issue_time: datetime
    expire_time: datetime
    auth_time: datetime
    amr: tuple[str, ...]
    acr: str
    scope: str
    client_id: str = CLIENT
    """The program that the token was given to: a service account, or limen for a person."""
    certificate: str | None = None
    """The thumbprint of the client certificate without which the token is worth nothing."""


def sign(claims: Claims, *, key_id: str, key: Ed25519PrivateKey) -> str:
    """The token for these claims. Times lose their fractions of a second."""
    payload: dict[str, object] = {
        "iss": claims.issuer,
        "aud": claims.audience,
        "sub": str(claims.user_id),
        "sid": str(claims.session_id),
        "jti": claims.token_id,
        "iat": int(claims.issue_time.timestamp()),
        "exp": int(claims.expire_time.timestamp()),
        "auth_time": int(claims.auth_time.timestamp()),
        "amr": list(claims.amr),
        "acr": claims.acr,
        "scope": claims.scope,
        "client_id": claims.client_id,
    }
    if claims.certificate is not None:
        payload[_CONFIRMATION] = {_THUMBPRINT: claims.certificate}
    return jwt.encode(payload, key, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": key_id})


def verify(
    token: str,
    *,
    keys: Mapping[str, Ed25519PublicKey],
    issuer: str,
    audience: str,
    now: datetime,
) -> Claims:
    """The claims of a token that one of `keys`, by id, has signed.

    Raises `TokenRefusedError` for everything else. Whether the session still lives is for the
    caller to find out.
    """
    if len(token) > _LONGEST:
        raise TokenRefusedError("too long")
    if "=" in token:
        # RFC 7515, section 2: no padding. A token has one writing.
        raise TokenRefusedError("padded")
    try:
        header = jwt.get_unverified_header(token)
        key = keys[_key_id(header)]
        payload = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=issuer,
            audience=audience,
            options={
                "require": list(_REQUIRED),
                "strict_aud": True,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        claims = _claims(payload)
        begin = max(claims.issue_time, _moment(payload.get("nbf", payload["iat"])))
    except (jwt.PyJWTError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise TokenRefusedError(type(error).__name__) from error
    if now >= claims.expire_time or begin > now + timedelta(seconds=5):
        raise TokenRefusedError("expired, or from the future")
    return claims


def key_id(token: str) -> str:
    """The id of the key that signed a token that has been verified (RFC 7515, section 4.1.4)."""
    return _key_id(jwt.get_unverified_header(token))


def _key_id(header: Mapping[str, Any]) -> str:
    # RFC 8725, section 3: one algorithm, an explicit type, and no header that steers verification
    # (`jku`, `jwk`, `x5u`, `x5c`, `crit`).
    if set(header) - _ALLOWED_HEADERS or header.get("typ") != TYPE:
        raise ValueError("header")
    if header.get("alg") != ALGORITHM:
        raise ValueError("algorithm")
    return str(header["kid"])


def _claims(payload: Mapping[str, Any]) -> Claims:
    return Claims(
        issuer=str(payload["iss"]),
        audience=str(payload["aud"]),
        user_id=UUID(payload["sub"]),
        session_id=UUID(payload["sid"]),
        token_id=str(payload["jti"]),
        issue_time=_moment(payload["iat"]),
        expire_time=_moment(payload["exp"]),
        auth_time=_moment(payload["auth_time"]),
        amr=_words(payload.get("amr", ())),
        acr=str(payload.get("acr", "")),
        scope=str(payload.get("scope", "")),
        client_id=str(payload.get("client_id", CLIENT)),
        certificate=_bound_to(payload.get(_CONFIRMATION)),
    )


def _bound_to(confirmation: Any) -> str | None:
    return None if confirmation is None else str(confirmation[_THUMBPRINT])


def _moment(value: Any) -> datetime:
    if type(value) is not int:
        raise TypeError("a time is a whole number of seconds")
    return datetime.fromtimestamp(value, UTC)


def _words(value: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(word) for word in value)
