"""Access tokens, taken apart and verified: JWS compact serialization (RFC 7515, section 7.1).

Pure: keys and time are passed in. It reads what limen issues (RFC 9068, EdDSA over Ed25519 of RFC
8037) and refuses all else, as RFC 8725 advises: one algorithm, one type, the headers `alg`, `typ`
and `kid` and no other, one spelling of each part. Written out here because a general library takes
a third of the time of the signature again, and needs as many options to be as strict.
"""

import binascii
import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from limen.client.verifier.claims import Claims
from limen.client.verifier.errors import CredentialInvalid

LONGEST = 4096
"""The longest token that is looked at, in characters."""

_LONGEST_HEADER = 512
_LONGEST_KEY_ID = 128
_HEADER = {"alg": "EdDSA", "typ": "at+jwt"}
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_FROM_STANDARD = bytes.maketrans(b"+/", b"-_")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_CONFIRMATION = "x5t#S256"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say. `leeway` is how far clocks may differ, in seconds."""

    issuer: str
    audience: str
    leeway: float


@dataclass(frozen=True, slots=True)
class Parts:
    """A token that is well formed. Nothing in it has been verified."""

    key_id: str
    signed: bytes
    """What the signature is over (RFC 7515, section 5.2)."""
    payload: bytes
    signature: bytes


def parse(token: str) -> Parts:
    """Takes a token apart. Raises `CredentialInvalid`."""
    if len(token) > LONGEST:
        raise CredentialInvalid("too long")
    try:
        signed, _, signature = token.encode("ascii").rpartition(b".")
        header, payload = signed.split(b".")
    except ValueError as error:
        raise CredentialInvalid("not three parts of base64url") from error
    if len(header) > _LONGEST_HEADER:
        raise CredentialInvalid("header too long")
    return Parts(_key_id(header), signed, payload, _bytes(signature))


def verify(parts: Parts, key: Ed25519PublicKey, expected: Expected, now: float) -> Claims:
    """The claims of a token that `key` has signed. `now` is in seconds since 1970 (UTC).

    Raises `CredentialInvalid`. The payload is not read before the signature is found good.
    """
    try:
        key.verify(parts.signature, parts.signed)
    except InvalidSignature:
        raise CredentialInvalid("signature") from None
    payload = _object(parts.payload)
    try:
        _check(payload, expected, now)
        return _claims(payload)
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        raise CredentialInvalid(f"claims: {type(error).__name__}") from error


@functools.lru_cache(maxsize=32)
def _key_id(segment: bytes) -> str:
    # All tokens of one key begin with the same header, so it is hardly ever read.
    header = _object(segment)
    key_id = header.get("kid")
    if type(key_id) is not str or not 0 < len(key_id) <= _LONGEST_KEY_ID:
        raise CredentialInvalid("kid")
    # Whatever else stands there (`crit`, `jku`, `jwk`, `x5u`, `x5c`) would steer verification.
    if header != _HEADER | {"kid": key_id}:
        raise CredentialInvalid("header")
    return key_id


def _check(payload: Mapping[str, Any], expected: Expected, now: float) -> None:
    if payload["iss"] != expected.issuer or payload["aud"] != expected.audience:
        raise CredentialInvalid("issuer or audience")
    begin, issue, end = payload.get("nbf", 0), payload["iat"], payload["exp"]
    # Whole numbers of seconds, and no truth values, which Python counts among them.
    if {type(begin), type(issue), type(end), type(payload["auth_time"])} != {int}:
        raise CredentialInvalid("times")
    if now >= end + expected.leeway:
        raise CredentialInvalid("expired")
    if max(begin, issue) > now + expected.leeway:
        raise CredentialInvalid("from the future")


def _claims(payload: Mapping[str, Any]) -> Claims:
    """The claims, whose times have been checked."""
    user_id, session_id, token_id = payload["sub"], payload["sid"], payload["jti"]
    client_id, scope = payload.get("client_id", ""), payload.get("scope", "")
    acr, amr = payload.get("acr", ""), payload.get("amr", [])
    texts = (user_id, session_id, token_id, client_id, scope, acr, *amr)
    if set(map(type, texts)) != {str} or type(amr) is not list:
        raise CredentialInvalid("claims")
    # One spelling, because revocations are found by comparing strings.
    if not (_UUID.fullmatch(user_id) and _UUID.fullmatch(session_id)):
        raise CredentialInvalid("no UUID")
    moment = datetime.fromtimestamp
    return Claims(
        user_id=user_id,
        session_id=session_id,
        token_id=token_id,
        client_id=client_id,
        scopes=frozenset(scope.split()),
        amr=tuple(amr),
        acr=acr,
        auth_time=moment(payload["auth_time"], UTC),
        issue_time=moment(payload["iat"], UTC),
        expire_time=moment(payload["exp"], UTC),
        certificate=_certificate(payload.get("cnf")),
    )


def _certificate(confirmation: Any) -> str | None:
    """The thumbprint of a bound token (RFC 8705, section 3.1)."""
    if confirmation is None:
        return None
    # A binding of another kind cannot be checked here, and must not be ignored.
    if type(confirmation) is not dict or set(confirmation) != {_CONFIRMATION}:
        raise CredentialInvalid("confirmation")
    thumbprint = confirmation[_CONFIRMATION]
    if type(thumbprint) is not str or not _THUMBPRINT.fullmatch(thumbprint):
        raise CredentialInvalid("confirmation")
    return thumbprint


def _object(segment: bytes) -> dict[str, Any]:
    """The JSON object in a part."""
    try:
        text = _bytes(segment).decode()
        value, end = _JSON.raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise CredentialInvalid("JSON") from error
    if type(value) is not dict or end != len(text):
        raise CredentialInvalid("no JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Readers disagree about which of two members counts (RFC 7515, section 4).
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member twice")
    return members


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_JSON = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)


def _bytes(segment: bytes) -> bytes:
    """What base64url encodes (RFC 7515, section 2), in the one spelling that it has."""
    padded = segment.translate(_TO_STANDARD) + b"=" * (-len(segment) % 4)
    try:
        value = binascii.a2b_base64(padded, strict_mode=True)
    except ValueError as error:
        raise CredentialInvalid("base64url") from error
    spelt = binascii.b2a_base64(value, newline=False).translate(_FROM_STANDARD).rstrip(b"=")
    if spelt != segment:
        raise CredentialInvalid("base64url")
    return value
