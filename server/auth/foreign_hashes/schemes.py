"""Which scheme a hash is of, and how it is stored."""

from collections.abc import Callable, Mapping
from typing import Protocol

from server.auth.foreign_hashes import bcrypt_hash, firebase_scrypt, pbkdf2_hash, scrypt_hash
from server.auth.hash_faults import MalformedHashError
from server.platform.vault import SealBrokenError, Vault


class ForeignHash(Protocol):
    """A hash that can be compared with a password."""

    def matches(self, password: bytes) -> bool:
        """Whether this is the password, given in UTF-8."""


_READERS: Mapping[tuple[str, ...], Callable[[str], ForeignHash]] = {
    bcrypt_hash.PREFIXES: bcrypt_hash.read,
    pbkdf2_hash.PREFIXES: pbkdf2_hash.read,
    scrypt_hash.PREFIXES: scrypt_hash.read,
    firebase_scrypt.PREFIXES: firebase_scrypt.read,
}
_PREFIXES = tuple(prefix for prefixes in _READERS for prefix in prefixes)

# Django names the scheme again in front of hashes that say it themselves.
_WRAPPINGS = {"argon2$argon2": "$argon2", "bcrypt$$2": "$2"}


class ForeignHashes:
    """Reads the hashes of other systems, as they come and as they are stored."""

    def __init__(self, *, vault: Vault) -> None:
        self._vault = vault

    def stored_form(self, encoded: str) -> str:
        """The form in which a hash that comes from outside is kept. The secrets in it are sealed.

        Raises `MalformedHashError`.
        """
        read(encoded)
        if encoded.startswith(firebase_scrypt.PREFIXES):
            return firebase_scrypt.with_signer_key(encoded, self._vault.seal)
        return encoded

    def stored(self, encoded: str) -> ForeignHash:
        """Reads a hash as it is kept. Raises `MalformedHashError`."""
        if not encoded.startswith(firebase_scrypt.PREFIXES):
            return read(encoded)
        try:
            return read(firebase_scrypt.with_signer_key(encoded, self._vault.open))
        except SealBrokenError as error:
            raise MalformedHashError("the signer key of the password hash is sealed") from error


def is_foreign(encoded: str) -> bool:
    """Whether a hash is of one of the schemes here. Argon2 is not: it is limen's own."""
    return encoded.startswith(_PREFIXES)


def unwrapped(encoded: str) -> str:
    """A hash without the name that Django puts in front of those that have one already."""
    for wrapping, inner in _WRAPPINGS.items():
        if encoded.startswith(wrapping):
            return inner + encoded.removeprefix(wrapping)
    return encoded


def read(encoded: str) -> ForeignHash:
    """Reads a hash that comes from outside. Raises `MalformedHashError`."""
    for prefixes, read_scheme in _READERS.items():
        if encoded.startswith(prefixes):
            return read_scheme(encoded)
    raise MalformedHashError("the password hash is of an unknown scheme")
