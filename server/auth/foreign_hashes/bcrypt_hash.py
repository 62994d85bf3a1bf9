"""bcrypt: `$2a$`, `$2b$` and `$2y$`, which mean the same for every hash made in the last decade.

bcrypt looks at the first 72 bytes of a password and no further. Implementations written in C also
stop at a NUL, others do not; here a password with a NUL matches nothing.
"""

import re
from dataclasses import dataclass

import bcrypt

from server.auth.foreign_hashes import notation
from server.auth.hash_faults import MalformedHashError

PREFIXES = ("$2a$", "$2b$", "$2y$")

_FORM = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}", re.ASCII)
_LONGEST = 72
_LEAST_COST = 4
# Doubles with each step; 15 takes some two seconds.
_MOST_COST = 15


@dataclass(frozen=True, slots=True)
class BcryptHash:
    """A hash in modular crypt format, with its costs bounded."""

    encoded: str

    def matches(self, password: bytes) -> bool:
        """Whether this is the password, given in UTF-8."""
        if b"\0" in password:
            return False
        return bcrypt.checkpw(password[:_LONGEST], self.encoded.encode())


def read(encoded: str) -> BcryptHash:
    """Reads a hash. Raises `MalformedHashError`."""
    form = _FORM.fullmatch(encoded)
    if form is None:
        raise MalformedHashError("the bcrypt hash is damaged")
    notation.number(form[1].removeprefix("0"), least=_LEAST_COST, most=_MOST_COST)
    return BcryptHash(encoded)
