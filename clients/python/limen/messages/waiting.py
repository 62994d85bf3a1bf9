"""How long to wait, in words."""

from datetime import timedelta
from functools import lru_cache
from typing import Final

from babel.dates import format_timedelta

from limen.messages.catalogue import posix_name

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_WEEK: Final = 7 * _DAY
# Babel would name a longer wait in months, which are of uneven length.
_LONGEST: Final = 4 * _WEEK


def wait(seconds: str, language: str) -> str | None:
    """Return a wait as an adverb, for instance "in 2 minutes"; None if it is not a whole number.

    Rounded up to the unit a person would name, so that nobody comes back too early.
    """
    try:
        length = int(seconds)
    except ValueError:
        return None
    return _wait(_round_up(min(max(length, 1), _LONGEST)), language)


def _round_up(seconds: int) -> int:
    unit = next((unit for unit in (_WEEK, _DAY, _HOUR, _MINUTE) if seconds > unit), 1)
    return -(-seconds // unit) * unit


@lru_cache(maxsize=1024)
def _wait(seconds: int, language: str) -> str:
    return format_timedelta(
        timedelta(seconds=seconds),
        threshold=1,
        add_direction=True,
        locale=posix_name(language),
    )
