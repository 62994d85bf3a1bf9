"""An authenticator in software: makes passkeys and shows them, rightly or with any one fault.

It writes what a browser sends, as `PublicKeyCredential.toJSON()` does (Web Authentication Level 3,
sections 5.1 and 6.1), from what the server asked for.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from server.platform.vault import decode, encode

USER_PRESENT, USER_VERIFIED = 0x01, 0x04
BACKUP_ELIGIBLE, BACKED_UP = 0x08, 0x10
HAS_CREDENTIAL, HAS_EXTENSIONS = 0x40, 0x80
GOOD = USER_PRESENT | USER_VERIFIED

EDDSA, ES256, RS256 = -8, -7, -257
ORIGIN = "http://localhost:8080"

Json = dict[str, Any]
Sign = Callable[[bytes], bytes]


def _ed25519() -> tuple[Json, Sign]:
    key = ed25519.Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    return {1: 1, 3: EDDSA, -1: 6, -2: public}, key.sign


def _p256() -> tuple[Json, Sign]:
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    cose = {1: 2, 3: ES256, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
    return cose, lambda data: key.sign(data, ec.ECDSA(SHA256()))


def _rsa(bits: int = 2048) -> tuple[Json, Sign]:
    key = rsa.generate_private_key(65537, bits)
    numbers = key.public_key().public_numbers()
    cose = {1: 3, 3: RS256, -1: numbers.n.to_bytes(bits // 8), -2: numbers.e.to_bytes(3)}
    return cose, lambda data: key.sign(data, padding.PKCS1v15(), SHA256())


KEYS: Mapping[int, Callable[[], tuple[Json, Sign]]] = {EDDSA: _ed25519, ES256: _p256, RS256: _rsa}


@dataclass
class Authenticator:
    """Holds one passkey."""

    algorithm: int = EDDSA
    aaguid: bytes = bytes(16)
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    counter: int = 0
    origin: str = ORIGIN
    flags: int = GOOD
    user_handle: bytes = b""
    cose: Json = field(init=False)
    sign: Sign = field(init=False)

    def __post_init__(self) -> None:
        self.cose, self.sign = KEYS[self.algorithm]()

    def make(self, options: Mapping[str, Any], **faults: Any) -> Json:
        """The answer to `navigator.credentials.create`."""
        self.user_handle = decode(options["user"]["id"])
        data = faults.get("auth_data") or self._data(
            options["rp"]["id"], self._attested(), HAS_CREDENTIAL, faults
        )
        attestation = {"fmt": "none", "attStmt": {}, "authData": data}
        raw = faults.get("attestation") or cbor2.dumps(attestation)
        client_data = self._client_data("webauthn.create", options, faults)
        return self._credential(
            clientDataJSON=encode(client_data),
            attestationObject=encode(raw),
            transports=["internal", "hybrid"],
        )

    def show(self, options: Mapping[str, Any], **faults: Any) -> Json:
        """The answer to `navigator.credentials.get`."""
        self.counter += 1 if self.counter else 0
        data = faults.get("auth_data") or self._data(options["rpId"], b"", 0, faults)
        client_data = self._client_data("webauthn.get", options, faults)
        signature = self.sign(data + hashlib.sha256(client_data).digest())
        return self._credential(
            clientDataJSON=encode(client_data),
            authenticatorData=encode(data),
            signature=encode(faults.get("signature", signature)),
            userHandle=encode(faults.get("user_handle", self.user_handle)),
        )

    def _data(self, domain: str, rest: bytes, flags: int, faults: Mapping[str, Any]) -> bytes:
        domain = faults.get("domain", domain)
        own = faults.get("flags", self.flags) | flags
        counter = faults.get("counter", self.counter)
        return hashlib.sha256(domain.encode()).digest() + bytes([own]) + counter.to_bytes(4) + rest

    def _attested(self) -> bytes:
        length = len(self.credential_id).to_bytes(2)
        return self.aaguid + length + self.credential_id + cbor2.dumps(self.cose)

    def _client_data(
        self, kind: str, options: Mapping[str, Any], faults: Mapping[str, Any]
    ) -> bytes:
        stated = {
            "type": faults.get("type", kind),
            "challenge": faults.get("challenge", options["challenge"]),
            "origin": faults.get("origin", self.origin),
            "crossOrigin": faults.get("cross_origin", False),
        }
        return json.dumps(stated).encode()

    def _credential(self, **response: Any) -> Json:
        return {
            "id": encode(self.credential_id),
            "rawId": encode(self.credential_id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }
