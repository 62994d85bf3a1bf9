"""scrypt (RFC 7914), in two notations.

passlib   $scrypt$ln=16,r=8,p=1$<salt>$<tag>      N is two to the power of `ln`
Werkzeug  scrypt:32768:8:1$<salt as text>$<tag in hexadecimal digits>
"""

import hashlib
import hmac
from dataclasses import dataclass

from server.auth.foreign_hashes import notation
from server.auth.hash_faults import CostlyHashError, MalformedHashError

PREFIXES = ("$scrypt$", "scrypt:")

_MOST_LOG_N = 20
_MOST_R = 32
_MOST_P = 16

# N times r are units of 128 bytes: 256 MiB. With p they are time, some two seconds.
_MOST_UNITS = 2**21
_MOST_WORK = 2**22

# What OpenSSL may take, besides the memory above, for the rest.
_SPARE = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs of scrypt, within bounds: CPU and memory `n`, block size `r`, parallelism `p`."""

    log_n: int
    r: int
    p: int

    def derive(self, password: bytes, salt: bytes, length: int) -> bytes:
        """The key of `length` bytes that a password gives."""
        return hashlib.scrypt(
            password,
            salt=salt,
            n=2**self.log_n,
            r=self.r,
            p=self.p,
            maxmem=128 * self.r * (2**self.log_n + self.p) + _SPARE,
            dklen=length,
        )


@dataclass(frozen=True, slots=True)
class ScryptHash:
    """A hash with its costs bounded."""

    costs: Costs
    salt: bytes
    tag: bytes

    def matches(self, password: bytes) -> bool:
        """Whether this is the password, given in UTF-8."""
        found = self.costs.derive(password, self.salt, len(self.tag))
        return hmac.compare_digest(found, self.tag)


def read(encoded: str) -> ScryptHash:
    """Reads a hash in either notation. Raises `MalformedHashError`."""
    parts = encoded.split("$")
    if encoded.startswith("$") and len(parts) == 5:
        costs = bounded(*notation.parameters(parts[2], "ln", "r", "p"))
        return ScryptHash(costs, notation.salt(parts[3]), notation.tag(parts[4]))
    method = parts[0].split(":")
    if len(parts) != 3 or len(method) != 4:
        raise MalformedHashError("the scrypt hash has a part too many or too few")
    n = notation.number(method[1], least=2, most=2**_MOST_LOG_N)
    if n.bit_count() != 1:
        raise MalformedHashError("the CPU cost of scrypt is not a power of two")
    costs = bounded(str(n.bit_length() - 1), method[2], method[3])
    return ScryptHash(costs, notation.text_salt(parts[1]), notation.hexadecimal_tag(parts[2]))


def bounded(log_n: str, r: str, p: str) -> Costs:
    """Costs that this process is ready to spend. Raises `MalformedHashError`."""
    costs = Costs(
        notation.number(log_n, least=1, most=_MOST_LOG_N),
        notation.number(r, least=1, most=_MOST_R),
        notation.number(p, least=1, most=_MOST_P),
    )
    units = 2**costs.log_n * costs.r
    if units > _MOST_UNITS or units * costs.p > _MOST_WORK:
        raise CostlyHashError("the scrypt hash asks for more memory or time than allowed")
    return costs
