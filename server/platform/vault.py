"""What follows from the root secret: derived tokens, keyed look-ups and sealed values.

Keys are separated by purpose with HKDF (RFC 5869); values are sealed with AES-256-GCM under
associated data that binds a ciphertext to its place, so that it cannot be moved to another row.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from server.platform.clock import Entropy

_NONCE_BYTES = 12


class SealBrokenError(Exception):
    """A sealed value was changed, moved to another place, or sealed under a key that is gone."""


class Vault:
    """Derives and seals with the first of the root keys; verifies and opens with all of them."""

    def __init__(self, *, keys: Sequence[bytes], entropy: Entropy) -> None:
        self._keys = tuple(keys)
        self._entropy = entropy
        self._derived: dict[tuple[int, str], bytes] = {}

    def derive(self, purpose: str, message: bytes) -> bytes:
        """32 bytes that only the holder of the root secret can compute from `message`."""
        return hmac.digest(self._key(0, purpose), message, "sha256")

    def verify(self, purpose: str, message: bytes, derived: bytes) -> bool:
        """Whether `derived` came from `derive` under any root key, in constant time each."""
        return any(
            hmac.compare_digest(hmac.digest(key, message, "sha256"), derived)
            for key in self._every_key(purpose)
        )

    def seal(self, place: str, value: bytes) -> bytes:
        """Encrypts `value` so that it opens only at `place` (table, column and row)."""
        nonce = self._entropy.token(_NONCE_BYTES)
        return nonce + AESGCM(self._key(0, "seal")).encrypt(nonce, value, place.encode())

    def open(self, place: str, sealed: bytes) -> bytes:
        """Decrypts what `seal` made for the same place.

        Raises `SealBrokenError` if it is not that.
        """
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for key in self._every_key("seal"):
            try:
                return AESGCM(key).decrypt(nonce, ciphertext, place.encode())
            except (InvalidTag, ValueError):  # ValueError: too short to have been sealed at all.
                continue
        raise SealBrokenError(place)

    def _every_key(self, purpose: str) -> Iterator[bytes]:
        return (self._key(number, purpose) for number in range(len(self._keys)))

    def _key(self, number: int, purpose: str) -> bytes:
        known = self._derived.get((number, purpose))
        if known is None:
            known = HKDF(SHA256(), 32, salt=None, info=f"limen {purpose}".encode()).derive(
                self._keys[number]
            )
            self._derived[number, purpose] = known
        return known


def digest(token: str) -> bytes:
    """The stored form of a token with at least 128 bits of chance: SHA-256, no salt needed."""
    return hashlib.sha256(token.encode()).digest()


def encode(data: bytes) -> str:
    """Base64url without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The inverse of `encode`. Raises `ValueError` for what it cannot have made."""
    data = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if encode(data) != text:
        raise ValueError("not canonical base64url")
    return data
