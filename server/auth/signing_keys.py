"""Making and opening the keys that sign access tokens (Ed25519, RFC 8032)."""

import hashlib
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.auth.model import SigningKeyRow
from server.platform.vault import SealBrokenError, Vault, encode


def make(vault: Vault, *, now: datetime, activate_time: datetime) -> SigningKeyRow:
    """A new key, its private half sealed."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    key_id = thumbprint(public)
    return SigningKeyRow(
        key_id=key_id,
        public_key=public,
        sealed=vault.seal(_place(key_id), private.private_bytes_raw()),
        create_time=now,
        activate_time=activate_time,
        retire_time=None,
    )


def unseal(vault: Vault, row: SigningKeyRow) -> Ed25519PrivateKey | None:
    """The private half; None when it was sealed under a root secret that is gone.

    Such a key verifies what it signed, nothing more.
    """
    try:
        private = vault.open(_place(row.key_id), row.sealed)
    except SealBrokenError:
        return None
    return Ed25519PrivateKey.from_private_bytes(private)


def thumbprint(public: bytes) -> str:
    """The id of a key: its JWK thumbprint (RFC 7638; RFC 8037, appendix A.3)."""
    canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{encode(public)}"}}'
    return encode(hashlib.sha256(canonical.encode()).digest())


def _place(key_id: str) -> str:
    return f"auth.signing_keys/sealed/{key_id}"
