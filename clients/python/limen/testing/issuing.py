"""Signs access tokens (RFC 9068) with a key that was made for the test."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from limen.auth.v1.auth_pb2 import Jwk


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair, with the id by which tokens name it (RFC 7638)."""

    private: Ed25519PrivateKey
    key_id: str

    @property
    def public(self) -> bytes:
        """The public half, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    def jwk(self) -> Jwk:
        """The public half as a JWK (RFC 8037, section 2)."""
        return Jwk(
            kty="OKP", crv="Ed25519", x=encode(self.public), kid=self.key_id, alg="EdDSA", use="sig"
        )

    def header(self) -> dict[str, Any]:
        """The header of a token of this key."""
        return {"alg": "EdDSA", "typ": "at+jwt", "kid": self.key_id}

    def sign(self, payload: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
        """The token for a payload, with another header where one is given."""
        return self.sign_text(part(self.header() if header is None else header), part(payload))

    def sign_text(self, header: str, payload: str) -> str:
        """The token for parts that are encoded already."""
        signed = f"{header}.{payload}"
        return f"{signed}.{encode(self.private.sign(signed.encode()))}"


def new_key() -> SigningKey:
    """A key that did not exist before."""
    private = Ed25519PrivateKey.generate()
    public = encode(private.public_key().public_bytes_raw())
    canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}'
    return SigningKey(private, encode(hashlib.sha256(canonical.encode()).digest()))


def part(value: Mapping[str, Any]) -> str:
    """A JSON object as a part of a token."""
    return encode(json.dumps(value, separators=(",", ":")).encode())


def encode(value: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """What `encode` made the text of."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
