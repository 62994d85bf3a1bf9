"""What signing keys are for, by their times alone."""

from datetime import UTC, datetime, timedelta

import pytest

from server.auth import rotation
from server.auth.model import SigningKeyRow
from server.auth.rotation import OUTLIVES, OVERLAP, State
from server.auth.tokens import LONGEST_LIFETIME
from server.settings import Settings

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVERY = timedelta(days=90)


def key(name: str, activates: timedelta, retires: timedelta | None = None) -> SigningKeyRow:
    return SigningKeyRow(
        key_id=name,
        public_key=b"",
        sealed=b"",
        create_time=NOW + min(activates, timedelta()),
        activate_time=NOW + activates,
        retire_time=None if retires is None else NOW + retires,
    )


OLD, SIGNS, WAITS = key("old", -2 * HOUR, HOUR), key("signs", -HOUR), key("waits", HOUR)
GONE = key("gone", -3 * HOUR, timedelta())
KEYS = [WAITS, GONE, OLD, SIGNS]


def test_every_key_has_one_state():
    states = {row.key_id: rotation.state(row, KEYS, NOW) for row in KEYS}

    assert states == {
        "waits": State.PENDING,
        "signs": State.SIGNING,
        "old": State.VERIFYING,
        "gone": State.RETIRED,
    }


def test_a_key_that_waits_verifies_already():
    assert rotation.live(KEYS, NOW) == [OLD, SIGNS, WAITS]


def test_the_newest_that_may_sign_signs():
    assert rotation.signers(KEYS, NOW) == [SIGNS, OLD, WAITS]


def test_the_next_takes_over_at_its_time():
    assert rotation.signers(KEYS, NOW + HOUR)[0] is WAITS
    assert rotation.signers(KEYS, NOW + HOUR - timedelta(microseconds=1))[0] is SIGNS


def test_a_clock_that_is_behind_still_has_a_key_to_sign_with():
    ahead = key("made a moment ago, elsewhere", timedelta(seconds=3))

    assert rotation.signers([ahead], NOW) == [ahead]
    assert rotation.state(ahead, [ahead], NOW) is State.SIGNING


@pytest.mark.parametrize(
    ("age", "due"),
    [
        (EVERY - OVERLAP, True),
        (EVERY - OVERLAP - timedelta(seconds=1), False),
        (10 * EVERY, True),
        (timedelta(), False),
    ],
)
def test_the_next_key_is_published_in_time(age, due):
    assert rotation.is_due([key("newest", -age)], NOW, EVERY) is due


def test_no_other_key_is_made_while_one_waits():
    assert not rotation.is_due([key("old", -10 * EVERY), WAITS], NOW, EVERY)


def test_without_keys_there_is_nothing_to_replace():
    assert not rotation.is_due([], NOW, EVERY)
    assert rotation.pending([], NOW) is None
    assert rotation.signers([], NOW) == []


def test_states_hold_until_the_next_moment():
    since, until = rotation.unchanged(KEYS, NOW)

    assert (since, until) == (NOW, NOW + HOUR)
    for moment in (since, until - timedelta(microseconds=1)):
        assert [rotation.state(row, KEYS, moment) for row in KEYS] == [
            rotation.state(row, KEYS, NOW) for row in KEYS
        ]


def test_keys_outlive_the_longest_token_that_settings_allow():
    (bound,) = (
        found
        for each in Settings.model_fields["access_token_ttl"].metadata
        if (found := getattr(each, "le", None))
    )

    assert timedelta(seconds=bound) == LONGEST_LIFETIME < OUTLIVES


def test_keys_are_published_for_longer_than_anybody_keeps_them():
    assert timedelta(seconds=300) < OVERLAP
