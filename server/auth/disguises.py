"""Sees through the disguises of an easy password: capitals, accents, look-alikes, decoration.

Everything here is pure and works code point by code point, so that what was found in the
unmasked text can be cut out of the text as it was typed.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise

# Letters and the characters that commonly stand for them share one spelling. "1" is read as both
# "i" and "l", so these two are one letter here: `1imen` and `l1men` both read as "limen" does.
_LOOKALIKES = str.maketrans(
    {
        "0": "o",
        "1": "i",
        "l": "i",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "!": "i",
        "|": "i",
        "2": "z",
        "3": "e",
        "€": "e",
        "4": "a",
        "@": "a",
        "5": "s",
        "$": "s",
        "7": "t",
        "+": "t",
        "8": "b",
        "9": "g",
    }
)


# Rows of keyboards, where fingers run along: digits, then US, German, French and Russian letters.
_ROWS = (
    "1234567890",
    "!@#$%^&*()",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "qwertzuiop",
    "azertyuiop",
    "qsdfghjklm",
    "йцукенгшщзхъ",
    "фывапролджэ",
)


def unmask(text: str) -> str:
    """The text without capitals, accents and look-alikes; equal for all disguises of a word."""
    return "".join(_unmask_each(text))


def readings(text: str, longest: int) -> Iterator[tuple[str, str]]:
    """Each way to read a text as one word with decoration before and after it.

    Decoration is anything but letters; in a text without letters, anything but digits. Since
    a digit may be part of the word as well (`hell0`), every border is tried.

    Args:
        text: The text as typed.
        longest: The greatest length of a word, in code points. It bounds the work.

    Yields:
        The unmasked word, and the decoration around it as typed.
    """
    is_word = str.isalpha if any(map(str.isalpha, text)) else str.isdigit
    inside = [index for index, point in enumerate(text) if is_word(point)]
    first, last = (inside[0], inside[-1] + 1) if inside else (0, len(text))
    unmasked = _unmask_each(text)
    for start in range(max(0, last - longest), first + 1):
        for end in range(last, min(len(text), start + longest) + 1):
            yield "".join(unmasked[start:end]), text[:start] + text[end:]


def without(text: str, unmasked_names: Iterable[str]) -> str:
    """What is left of a text when all names, however disguised, are cut out of it."""
    unmasked = _unmask_each(text)
    origin = [index for index, letters in enumerate(unmasked) for _ in letters]
    joined = "".join(unmasked)
    cut: set[int] = set()
    for name in unmasked_names:
        at = joined.find(name)
        while at >= 0:
            cut.update(origin[at : at + len(name)])
            at = joined.find(name, at + 1)
    return "".join(point for index, point in enumerate(text) if index not in cut)


def repeated_part(text: str) -> str:
    """The shortest part whose repetition gives the text, or the whole text: `abcabca` -> `abc`."""
    for length in range(1, len(text) // 2 + 1):
        if text[length:] == text[:-length]:
            return text[:length]
    return text


def is_sequence(text: str) -> bool:
    """Whether a text only counts (`34567`, `zyxw`) or runs along a row of keys (`4567890123`)."""
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    return len(steps) == 1 or any(_runs_along(row, text.casefold()) for row in _ROWS)


def _runs_along(row: str, text: str) -> bool:
    laps = row * (len(text) // len(row) + 2)
    return text in laps or text in laps[::-1]


def _unmask_each(text: str) -> list[str]:
    return [_unmask_point(point) for point in text]


def _unmask_point(point: str) -> str:
    folded = unicodedata.normalize("NFKD", point).casefold()
    letters = "".join(mark for mark in folded if not unicodedata.combining(mark))
    return letters.translate(_LOOKALIKES)
