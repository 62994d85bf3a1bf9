"""What a browser is asked for, as the JSON of Web Authentication Level 3, sections 5.4 and 5.5.

`PublicKeyCredential.parseCreationOptionsFromJSON` and `parseRequestOptionsFromJSON` read it.
"""

from collections.abc import Iterable
from typing import Any

from webauthn import generate_authentication_options, generate_registration_options
from webauthn.helpers import options_to_json_dict
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from server.factors.ceremonies import LIFETIME
from server.factors.model import PasskeyRow
from server.factors.relying_party import RelyingParty
from server.users.model import UserRow

ALGORITHMS = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
"""The signatures that are accepted, the preferred one first: EdDSA, ES256 and RS256."""

_TIMEOUT_MS = int(LIFETIME.total_seconds() * 1000)


def creation(
    party: RelyingParty, user: UserRow, challenge: bytes, own: Iterable[PasskeyRow]
) -> dict[str, Any]:
    """`PublicKeyCredentialCreationOptionsJSON` for a user who has the passkeys `own`.

    The passkey is to be found without knowing whose it is (a discoverable credential), and to
    verify its user each time. Who made the authenticator is not asked for.
    """
    return options_to_json_dict(
        generate_registration_options(
            rp_id=party.id,
            rp_name=party.id,
            user_id=user.user_id.bytes,
            user_name=user.email,
            user_display_name=user.display_name or user.email,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                require_resident_key=True,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=_descriptors(own),
            supported_pub_key_algs=ALGORITHMS,
        )
    )


def request(party: RelyingParty, challenge: bytes, allowed: Iterable[PasskeyRow]) -> dict[str, Any]:
    """`PublicKeyCredentialRequestOptionsJSON` for one of these passkeys, or for any without one."""
    return options_to_json_dict(
        generate_authentication_options(
            rp_id=party.id,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            allow_credentials=_descriptors(allowed),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    )


def _descriptors(passkeys: Iterable[PasskeyRow]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=passkey.credential_id,
            transports=[AuthenticatorTransport(each) for each in passkey.transports],
        )
        for passkey in passkeys
    ]
