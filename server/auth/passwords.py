"""Which passwords are good enough, and the one form in which they are hashed.

Follows NIST SP 800-63B-4, section 3.1.1.2: length is counted in Unicode code points after
normalisation; there are no rules about kinds of characters; common and context-specific
passwords are refused; and it is always the whole password that is judged, so a long
passphrase may well contain a common word or a name.

That section asks for 15 code points where the password is the only factor and for 8 where a
second one follows. limen offers second factors but does not force them, so 8 is the default
and `minimum_length` is there for those who want 15.
"""

import enum
import re
import unicodedata
from collections.abc import Iterable

from server.auth import common_passwords
from server.auth.disguises import is_sequence, readings, repeated_part, unmask, without

SHORTEST = 8
"""The lowest minimum length that can be asked for, in code points."""

LONGEST = 256
"""The most code points of a password; a passphrase fits, and hashing stays cheap."""

# Shorter names stand in too many good passwords by chance; numbers more so, because unmasked
# text has letters for digits.
_SHORTEST_NAME = 3
_SHORTEST_NUMBER = 6

# White space and all ASCII punctuation. Other scripts keep their marks, which are part of words.
_BETWEEN_WORDS = re.compile(r"[\s!-/:-@\[-`{-~]+")
_LETTERS_OR_DIGITS = re.compile(r"\d+|\D+")


class Weakness(enum.Enum):
    """Why a password is refused."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    COMMON = "common"
    CONTAINS_PRODUCT_NAME = "contains_product_name"
    CONTAINS_OWN_NAME = "contains_own_name"


def normalize(password: str) -> str:
    """The form of a password that is measured and hashed: Unicode NFKC (UAX #15).

    The same password typed on another keyboard or system thereby stays the same password.
    Code points that this Python's Unicode version does not know are kept as they are:
    refusing them, as the strict process for stabilised strings would, bars new emoji.
    """
    return unicodedata.normalize("NFKC", password)


def names_of(email: str, display_name: str) -> frozenset[str]:
    """The words by which someone can be guessed to name themselves.

    Args:
        email: The address: the words of its local part, and its domain without the last label.
        display_name: The name shown to others, word by word.
    """
    local, _, domain = email.rpartition("@")
    host, _, _ = domain.rpartition(".")
    words = {word for text in (local, host, display_name) for word in _BETWEEN_WORDS.split(text)}
    # `smith1990` is also "smith" and "1990".
    return frozenset(words | {part for word in words for part in _LETTERS_OR_DIGITS.findall(word)})


class PasswordPolicy:
    """Decides whether a new password is good enough. Existing passwords are never asked again.

    Args:
        common: Unmasked common passwords, as `common_passwords.load` gives them.
        product_names: Names of the service that a guesser would try.
        minimum_length: In code points, at least `SHORTEST`.

    Raises:
        ValueError: The minimum length is below `SHORTEST` or above `LONGEST`.
    """

    def __init__(
        self,
        *,
        common: frozenset[str],
        product_names: Iterable[str] = ("limen",),
        minimum_length: int = SHORTEST,
    ) -> None:
        if not SHORTEST <= minimum_length <= LONGEST:
            raise ValueError(f"the minimum password length must be {SHORTEST} to {LONGEST}")
        self._common = common
        self._product_names = _comparable(product_names)
        self._minimum_length = minimum_length

    def check(self, password: str, *, own_names: Iterable[str] = ()) -> Weakness | None:
        """Names the first weakness of a password; None when it may be used.

        Names count for nothing: they are cut out, and what is left must still be as good as
        the shortest password allowed anywhere, `SHORTEST` code points that are not common.

        Args:
            password: As typed; it is normalised here.
            own_names: Words that name its owner, see `names_of`. Words below three code points
                and numbers below six digits are left out.
        """
        text = normalize(password)
        if len(text) < self._minimum_length:
            return Weakness.TOO_SHORT
        if len(text) > LONGEST:
            return Weakness.TOO_LONG
        if self._is_easy(text):
            return Weakness.COMMON
        if self._is_easy(without(text, self._product_names)):
            return Weakness.CONTAINS_PRODUCT_NAME
        if self._is_easy(without(text, self._product_names | _comparable(own_names))):
            return Weakness.CONTAINS_OWN_NAME
        return None

    def _is_easy(self, text: str) -> bool:
        """Whether a text is short, regular, or a common word with decoration that is easy too."""
        if len(text) < SHORTEST or is_sequence(text):
            return True
        part = repeated_part(text)
        if part != text:
            return self._is_easy(part)
        return any(
            word in self._common and self._is_easy(decoration)
            for word, decoration in readings(text, common_passwords.LONGEST)
        )


def _comparable(names: Iterable[str]) -> frozenset[str]:
    return frozenset(unmask(name) for name in map(normalize, names) if _is_telling(name))


def _is_telling(name: str) -> bool:
    return len(name) >= (_SHORTEST_NAME if any(map(str.isalpha, name)) else _SHORTEST_NUMBER)
