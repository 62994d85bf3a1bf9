"""When to try again."""

from datetime import timedelta

MOST_ATTEMPTS = 10
"""After as many failures a job is given up, about three and a half hours after the first."""

_FIRST_SECONDS = 5.0
_FACTOR = 3.0
_LONGEST_SECONDS = 3600.0
_SPREAD = 0.25


def pause(attempt: int, chance: float) -> timedelta:
    """How long to wait after this failed attempt, counted from 1.

    5 seconds, three times as long after each failure, an hour at most; spread by a quarter either
    way so that jobs that failed together do not return together. `chance` is between 0 and 1.
    """
    seconds = min(_FIRST_SECONDS * _FACTOR ** (attempt - 1), _LONGEST_SECONDS)
    return timedelta(seconds=seconds * (1 - _SPREAD + 2 * _SPREAD * chance))
