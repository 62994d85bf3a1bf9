"""Which language to speak: `Accept-Language` (RFC 9110, section 12.5.4) by look-up (RFC 4647, 3.4).

Faults in the header are never the caller's problem: an element that cannot be read is skipped, and
a header that says nothing usable means English.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from babel import negotiate_locale

from limen.messages.catalogue import LANGUAGES

_DEFAULT: Final = LANGUAGES[0]
# Browsers send less than 200 characters. The bound keeps hostile headers out of the cache, which
# therefore never holds more than half a megabyte.
_MAX_LENGTH: Final = 500
_CACHED_HEADERS: Final = 1024

_ELEMENT: Final = re.compile(
    r"[ \t]*(?P<range>\*|[a-z]{1,8}(?:-(?:[a-z0-9]{1,8}|\*))*)"
    r"(?:[ \t]*;[ \t]*q=(?P<weight>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?[ \t]*",
    re.ASCII | re.IGNORECASE,
)

# What a look-up may end at, in lower case. Portuguese of any country is better served in Brazilian
# Portuguese than in English.
_TAGS: Final = {tag.lower(): tag for tag in LANGUAGES} | {"pt": "pt-BR"}


class _Preference(NamedTuple):
    range: str
    weight: float


def negotiate(accept_language: str) -> str:
    """Return the member of `LANGUAGES` that suits an `Accept-Language` header best.

    A single language tag, such as the locale of a user, is such a header too. An empty, oversized
    or unreadable header gives English. Never raises.
    """
    if len(accept_language) > _MAX_LENGTH:
        return _DEFAULT
    return _negotiate(accept_language)


@lru_cache(maxsize=_CACHED_HEADERS)
def _negotiate(accept_language: str) -> str:
    preferences = _parse(accept_language)
    refused = {preference.range for preference in preferences if not preference.weight}
    available = [tag for tag, name in _TAGS.items() if not refused & {tag, name.lower()}]
    wanted = sorted(
        (preference for preference in preferences if preference.weight),
        key=lambda preference: preference.weight,
        reverse=True,
    )
    ranges = [preference.range for preference in wanted]
    found = negotiate_locale(ranges, available, sep="-", aliases={})
    # `*` names no language, so it counts only when none that is named is spoken (RFC 4647, 3.4).
    if found is None and "*" in ranges:
        found = next(iter(available), None)
    return _TAGS[found] if found else _DEFAULT


def _parse(accept_language: str) -> list[_Preference]:
    matches = map(_ELEMENT.fullmatch, accept_language.split(","))
    return [
        _Preference(match["range"].lower(), float(match["weight"] or 1))
        for match in matches
        if match
    ]
