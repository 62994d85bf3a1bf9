"""Time and chance."""

from datetime import UTC, timedelta

from server.platform.clock import Entropy, SystemClock


def test_the_time_is_aware_and_in_utc():
    assert SystemClock().now().tzinfo is UTC


def test_the_time_does_not_go_back():
    moments = [SystemClock().now() for _ in range(100)]

    assert moments == sorted(moments)
    assert moments[-1] - moments[0] < timedelta(minutes=1)


def test_identifiers_are_version_7_unique_and_sorted_by_time():
    identifiers = [Entropy().identifier() for _ in range(10_000)]

    assert {identifier.version for identifier in identifiers} == {7}
    assert len(set(identifiers)) == len(identifiers)
    assert identifiers == sorted(identifiers)


def test_tokens_have_the_wanted_length_and_never_repeat():
    tokens = {Entropy().token(16) for _ in range(1000)}

    assert len(tokens) == 1000
    assert {len(token) for token in tokens} == {16}
