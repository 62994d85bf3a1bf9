"""PBKDF2 with HMAC of SHA-1, SHA-256 or SHA-512 (RFC 8018, section 5.2), in four notations.

passlib   $pbkdf2-sha256$29000$<salt>$<tag>            the same for sha512; $pbkdf2$ is SHA-1
PHC       $pbkdf2-sha256$i=600000,l=32$<salt>$<tag>    the length `l` may be missing
Django    pbkdf2_sha256$870000$<salt as text>$<tag>    and pbkdf2_sha1
Werkzeug  pbkdf2:sha256:600000$<salt as text>$<tag in hexadecimal digits>
"""

import hashlib
import hmac
from dataclasses import dataclass

from server.auth.foreign_hashes import notation
from server.auth.hash_faults import CostlyHashError, MalformedHashError

PREFIXES = ("$pbkdf2", "pbkdf2_", "pbkdf2:")

_DIGESTS = {"sha1": 20, "sha256": 32, "sha512": 64}
"""The bytes that one block of output has."""

# Some two seconds on the processors of the day.
_MOST_ITERATIONS = 4_000_000


@dataclass(frozen=True, slots=True)
class Pbkdf2Hash:
    """A hash with its costs bounded."""

    digest: str
    iterations: int
    salt: bytes
    tag: bytes

    def matches(self, password: bytes) -> bool:
        """Whether this is the password, given in UTF-8."""
        found = hashlib.pbkdf2_hmac(
            self.digest, password, self.salt, self.iterations, dklen=len(self.tag)
        )
        return hmac.compare_digest(found, self.tag)


def read(encoded: str) -> Pbkdf2Hash:
    """Reads a hash in any of the notations. Raises `MalformedHashError`."""
    try:
        if encoded.startswith("$"):
            _, name, costs, salt, tag = encoded.split("$")
            return _bounded(_digest(name), costs, notation.salt(salt), notation.tag(tag))
        if encoded.startswith("pbkdf2_"):
            name, costs, salt, tag = encoded.split("$")
            digest = name.removeprefix("pbkdf2_")
            return _bounded(digest, costs, notation.text_salt(salt), notation.tag(tag))
        method, salt, tag = encoded.split("$")
        _, digest, costs = method.split(":")
    except ValueError as error:
        if isinstance(error, MalformedHashError):
            raise
        raise MalformedHashError("the PBKDF2 hash has a part too many or too few") from error
    return _bounded(digest, costs, notation.text_salt(salt), notation.hexadecimal_tag(tag))


def _digest(name: str) -> str:
    """The digest that passlib's name of a scheme means."""
    return name.removeprefix("pbkdf2").removeprefix("-") or "sha1"


def _bounded(digest: str, costs: str, salt: bytes, tag: bytes) -> Pbkdf2Hash:
    if digest not in _DIGESTS:
        raise MalformedHashError("the PBKDF2 hash names a digest that is not supported")
    iterations = notation.number(_iterations(costs, tag), least=1, most=_MOST_ITERATIONS)
    blocks = -(-len(tag) // _DIGESTS[digest])
    if iterations * blocks > _MOST_ITERATIONS:
        raise CostlyHashError("the PBKDF2 hash asks for more time than allowed")
    return Pbkdf2Hash(digest, iterations, salt, tag)


def _iterations(costs: str, tag: bytes) -> str:
    if not costs.startswith("i="):
        return costs
    if ",l=" not in costs:
        return costs.removeprefix("i=")
    iterations, length = notation.parameters(costs, "i", "l")
    if length != str(len(tag)):
        raise MalformedHashError("the PBKDF2 hash is not as long as it says")
    return iterations
