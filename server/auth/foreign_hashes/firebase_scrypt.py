"""The scrypt of Firebase: what scrypt derives encrypts a key that all accounts of a project share.

    $firebase-scrypt$ln=14,r=8$<salt>$<salt separator>$<signer key>$<tag>

`ln` is what the project calls its memory cost, `r` its rounds. The signer key is a secret of the
project: only with it can passwords be guessed from a copy of the database. So it is sealed where
it is stored, under associated data that ties it to its hash.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from server.auth.foreign_hashes import notation
from server.auth.foreign_hashes.scrypt_hash import Costs, bounded
from server.auth.hash_faults import MalformedHashError

PREFIXES = ("$firebase-scrypt$",)

_AES_KEY_BYTES = 32
_PARTS = 7
_SIGNER_KEY_BYTES = (16, 256)

Change = Callable[[str, bytes], bytes]
"""Seals or opens a key at a place."""


@dataclass(frozen=True, slots=True)
class FirebaseHash:
    """A hash with its costs bounded, and the signer key in the clear."""

    costs: Costs
    salt: bytes
    signer_key: bytes
    tag: bytes

    def matches(self, password: bytes) -> bool:
        """Whether this is the password, given in UTF-8."""
        key = self.costs.derive(password, self.salt, _AES_KEY_BYTES)
        encryptor = Cipher(AES(key), CTR(bytes(16))).encryptor()
        found = encryptor.update(self.signer_key) + encryptor.finalize()
        return hmac.compare_digest(found, self.tag)


def read(encoded: str) -> FirebaseHash:
    """Reads a hash that has its signer key in the clear. Raises `MalformedHashError`."""
    _, _, costs, salt, separator, signer_key, tag = _parts(encoded)
    log_n, r = notation.parameters(costs, "ln", "r")
    key = notation.decode(signer_key)
    least, most = _SIGNER_KEY_BYTES
    if not least <= len(key) <= most or len(key) != len(notation.tag(tag)):
        raise MalformedHashError("the signer key of Firebase is not as long as the hash")
    return FirebaseHash(
        bounded(log_n, r, "1"),
        notation.salt(salt) + notation.salt(separator),
        key,
        notation.tag(tag),
    )


def with_signer_key(encoded: str, change: Change) -> str:
    """The same hash with its signer key sealed or opened. Raises `MalformedHashError`."""
    parts = _parts(encoded)
    place = "auth.passwords.encoded signer key " + "$".join((*parts[2:5], parts[6]))
    parts[5] = notation.encode(change(place, notation.decode(parts[5])))
    return "$".join(parts)


def _parts(encoded: str) -> list[str]:
    parts = encoded.split("$")
    if len(parts) != _PARTS:
        raise MalformedHashError("the Firebase hash has a part too many or too few")
    return parts
