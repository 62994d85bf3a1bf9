"""What the notations of hashes are made of: numbers, parameters and base64."""

import base64
import binascii
import re

from server.auth.hash_faults import CostlyHashError, MalformedHashError

_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)

# Base64 as passlib, the PHC string format, browsers and everybody else write it.
_ALPHABETS = str.maketrans({".": "+", "-": "+", "_": "/"})

_LONGEST_SALT = 1024
_SHORTEST_TAG = 16
_LONGEST_TAG = 128


def number(text: str, *, least: int, most: int) -> int:
    """A decimal number without sign or leading zeros.

    Raises:
        MalformedHashError: It is none, or below `least`.
        CostlyHashError: It is above `most`.
    """
    if _NUMBER.fullmatch(text) is None or int(text) < least:
        raise MalformedHashError("a cost of the password hash is not a number that makes sense")
    if int(text) > most:
        raise CostlyHashError("the password hash asks for more memory or time than allowed")
    return int(text)


def parameters(text: str, *names: str) -> list[str]:
    """The values in `name=value,...`, which has exactly these names, in their order here.

    Raises:
        MalformedHashError: It has others.
    """
    pairs = [part.partition("=") for part in text.split(",")]
    values = {name: value for name, _, value in pairs}
    if len(pairs) != len(names) or set(values) != set(names):
        raise MalformedHashError("the password hash does not have the parameters of its scheme")
    return [values[name] for name in names]


def salt(text: str) -> bytes:
    """A salt in base64. Raises `MalformedHashError`."""
    return _bounded(decode(text), least=0, most=_LONGEST_SALT)


def text_salt(text: str) -> bytes:
    """A salt that stands in the hash as it is. Raises `MalformedHashError`."""
    return _bounded(text.encode(), least=1, most=_LONGEST_SALT)


def tag(text: str) -> bytes:
    """What the password was hashed to, in base64.

    One so short that passwords would match by chance is refused.

    Raises `MalformedHashError`.
    """
    return _bounded(decode(text), least=_SHORTEST_TAG, most=_LONGEST_TAG)


def hexadecimal_tag(text: str) -> bytes:
    """The same in hexadecimal digits. Raises `MalformedHashError`."""
    try:
        found = binascii.unhexlify(text)
    except ValueError as error:
        raise MalformedHashError("the password hash is not in hexadecimal digits") from error
    return _bounded(found, least=_SHORTEST_TAG, most=_LONGEST_TAG)


def decode(text: str) -> bytes:
    """Bytes in base64 of any alphabet, with or without padding. Raises `MalformedHashError`."""
    bare = text.translate(_ALPHABETS).rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError as error:
        raise MalformedHashError("a part of the password hash is not base64") from error


def encode(data: bytes) -> str:
    """Base64 as the PHC string format has it: standard, without padding."""
    return base64.b64encode(data).rstrip(b"=").decode()


def _bounded(data: bytes, *, least: int, most: int) -> bytes:
    if not least <= len(data) <= most:
        raise MalformedHashError("a part of the password hash is too short or too long")
    return data
