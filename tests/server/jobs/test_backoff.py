from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.jobs.backoff import MOST_ATTEMPTS, pause

_ATTEMPTS = st.integers(1, MOST_ATTEMPTS)
_CHANCES = st.floats(0, 1)


@given(_ATTEMPTS, _CHANCES)
def test_waits_between_seconds_and_about_an_hour(attempt, chance):
    assert timedelta(seconds=3) < pause(attempt, chance) <= timedelta(minutes=75)


@given(st.integers(1, MOST_ATTEMPTS - 1))
def test_never_waits_less_after_another_failure(attempt):
    assert pause(attempt, 0.5) <= pause(attempt + 1, 0.5)


def test_outlasts_an_outage_of_hours():
    total = sum((pause(attempt, 0) for attempt in range(1, MOST_ATTEMPTS)), timedelta())
    assert total > timedelta(hours=2)


def test_spreads_what_failed_together():
    assert pause(3, 1) - pause(3, 0) == pause(3, 0.5) / 2
