"""The form of secrets that machines present: a prefix that names the kind, chance, and a checksum.

The prefix and the checksum let scanners of repositories and logs tell a secret that leaked from
text that only looks like one, and let limen refuse a typing error without asking the database. Both
are public and protect nothing: the 256 bits of chance between them do.

Digits and letters alone, so that a double click selects the whole.
"""

import re
import string
import zlib

API_KEY = "lmk_"
CLIENT_SECRET = "lmc_"
CHANCE_BYTES = 32
"""How many unpredictable bytes a secret is made from."""

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHANCE_LENGTH = 43  # 62 ** 43 > 2 ** 256
_CHECKSUM_LENGTH = 6  # 62 ** 6 > 2 ** 32
_HINT_LENGTH = 4
_SHAPED = re.compile(rf"lm[kc]_[0-9A-Za-z]{{{_CHANCE_LENGTH + _CHECKSUM_LENGTH}}}").fullmatch


def make(prefix: str, chance: bytes) -> str:
    """A secret of the kind that `prefix` names."""
    body = prefix + _base62(int.from_bytes(chance), _CHANCE_LENGTH)
    return body + _checksum(body)


def is_well_formed(prefix: str, text: str) -> bool:
    """Whether `make` may have made a text with this prefix."""
    if not text.startswith(prefix) or _SHAPED(text) is None:
        return False
    body, checksum = text[:-_CHECKSUM_LENGTH], text[-_CHECKSUM_LENGTH:]
    return checksum == _checksum(body)


def hint(secret: str) -> str:
    """By what the owner of a secret may recognise it: the prefix, and 24 bits of the chance."""
    return secret[: len(API_KEY) + _HINT_LENGTH]


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
