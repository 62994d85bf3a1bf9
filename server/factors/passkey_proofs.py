"""What a browser answers with, read and verified (Web Authentication Level 3, section 7).

Pure, and of steady cost: what is read is limited in size before it is parsed. Whatever is wrong
with an answer raises `RejectedError`, whose text says for the audit log which check it failed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import cbor2
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import CredentialDeviceType

from server.factors import passkey_cbor
from server.factors.passkey_options import ALGORITHMS
from server.factors.relying_party import RelyingParty

T = TypeVar("T")

_LONGEST_TEXT = 8 * 1024
"""Characters of one member of an answer; an RSA key of 4096 bits needs a quarter."""
_LONGEST_CREDENTIAL_ID = 1023
_RSA_BITS = range(2048, 4097)

# What parsers of JSON, base64, CBOR and keys raise on input that was made to break them.
_FAILURES = (
    WebAuthnException,
    cbor2.CBORError,
    UnsupportedAlgorithm,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


class Cause(StrEnum):
    """Which check an answer failed."""

    MALFORMED = "malformed"
    UNKNOWN = "unknown credential"
    OF_SOMEBODY_ELSE = "credential of another account"
    UNVERIFIED = "verification failed"
    KEY = "unsuitable key"
    FRAMED = "cross-origin frame"
    COUNTER = "signature counter went back"


class RejectedError(Exception):
    """An answer that proves nothing."""

    def __init__(self, cause: Cause, **details: str) -> None:
        super().__init__(cause.value)
        self.cause = cause
        self.details = {"cause": cause.value, **details}
        """What the audit log is to say."""


@dataclass(frozen=True, slots=True)
class MadePasskey:
    """A passkey that an authenticator has just made."""

    credential_id: bytes
    public_key: bytes
    """In COSE form (RFC 9053, section 7)."""
    sign_count: int
    aaguid: UUID
    transports: tuple[str, ...]
    backed_up: bool
    device_bound: bool
    """Whether the private key can never leave its device."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose passkey an answer says it was made with: not yet believed."""

    credential_id: bytes
    user_handle: bytes | None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a passkey says about itself, under its signature."""

    sign_count: int
    backed_up: bool
    device_bound: bool


def made(party: RelyingParty, challenge: bytes, credential: Mapping[str, Any]) -> MadePasskey:
    """The passkey in a `RegistrationResponseJSON` (section 7.1). Raises `RejectedError`."""
    answer = _read(parse_registration_credential_json, credential)
    _refuse_frames(answer.response.client_data_json)
    try:
        answer.response.attestation_object = passkey_cbor.without_statement(
            answer.response.attestation_object
        )
        verified = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
    except _FAILURES as error:
        raise RejectedError(Cause.UNVERIFIED) from error
    if answer.raw_id != verified.credential_id:
        raise RejectedError(Cause.MALFORMED)
    if len(verified.credential_id) > _LONGEST_CREDENTIAL_ID:
        raise RejectedError(Cause.MALFORMED)
    _refuse_bad_key(verified.credential_public_key)
    return MadePasskey(
        credential_id=verified.credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        aaguid=UUID(verified.aaguid),
        transports=tuple(dict.fromkeys(each.value for each in answer.response.transports or ())),
        backed_up=verified.credential_backed_up,
        device_bound=verified.credential_device_type is CredentialDeviceType.SINGLE_DEVICE,
    )


def claim(credential: Mapping[str, Any]) -> Claim:
    """Whose passkey an `AuthenticationResponseJSON` names. Raises `RejectedError`."""
    answer = _read(parse_authentication_credential_json, credential)
    return Claim(answer.raw_id, answer.response.user_handle)


def shown(
    party: RelyingParty, challenge: bytes, credential: Mapping[str, Any], public_key: bytes
) -> Shown:
    """What the passkey of `public_key` says in an `AuthenticationResponseJSON` (section 7.2).

    The signature counter is for the caller to compare, who knows the last one. Raises
    `RejectedError`.
    """
    answer = _read(parse_authentication_credential_json, credential)
    _refuse_frames(answer.response.client_data_json)
    if not passkey_cbor.is_authenticator_data(answer.response.authenticator_data):
        raise RejectedError(Cause.MALFORMED)
    try:
        verified = verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            credential_public_key=public_key,
            # The library would compare the counter before it has looked at the signature.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except _FAILURES as error:
        raise RejectedError(Cause.UNVERIFIED) from error
    return Shown(
        sign_count=verified.new_sign_count,
        backed_up=verified.credential_backed_up,
        device_bound=verified.credential_device_type is CredentialDeviceType.SINGLE_DEVICE,
    )


def went_back(before: int, now: int) -> bool:
    """Whether a signature counter tells of a copy (section 6.1.1). Many always say 0."""
    return (before, now) != (0, 0) and now <= before


def _read(parse: Callable[[dict[str, Any]], T], credential: Mapping[str, Any]) -> T:
    response = credential.get("response")
    members = (*credential.values(), *(response.values() if isinstance(response, Mapping) else ()))
    if any(isinstance(each, str) and len(each) > _LONGEST_TEXT for each in members):
        raise RejectedError(Cause.MALFORMED)
    try:
        return parse(dict(credential))
    except _FAILURES as error:
        raise RejectedError(Cause.MALFORMED) from error


def _refuse_frames(client_data: bytes) -> None:
    """Refuses an answer that was made in a frame of another site; limen's pages allow none."""
    try:
        framed = parse_client_data_json(client_data).cross_origin
    except _FAILURES as error:
        raise RejectedError(Cause.MALFORMED) from error
    if framed:
        raise RejectedError(Cause.FRAMED)


def _refuse_bad_key(public_key: bytes) -> None:
    try:
        key = decoded_public_key_to_cryptography(decode_credential_public_key(public_key))
    except _FAILURES as error:
        raise RejectedError(Cause.KEY) from error
    match key:
        case Ed25519PublicKey():
            return
        case EllipticCurvePublicKey(curve=SECP256R1()):
            return
        case RSAPublicKey(key_size=bits) if bits in _RSA_BITS:
            return
    raise RejectedError(Cause.KEY)
