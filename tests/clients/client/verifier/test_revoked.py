"""The memory of what ended."""

from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from limen.auth.v1.auth_pb2 import Revocation
from limen.client.verifier.revoked import Revoked


def ended(session_id: str, lasts: int) -> Revocation:
    return Revocation(
        session_id=session_id,
        time=Timestamp(seconds=1_000),
        forget_time=Timestamp(seconds=1_000 + lasts),
    )


def test_remembers_for_as_long_as_a_token_could_live_and_five_minutes():
    revoked = Revoked()
    revoked.add(ended("a", 900), now=50)
    revoked.forget(now=50 + 900 + 299)
    assert "a" in revoked
    revoked.forget(now=50 + 900 + 300)
    assert "a" not in revoked
    assert len(revoked) == len(revoked._order) == 0


def test_one_that_is_told_twice_is_kept_for_the_longer_time():
    revoked = Revoked()
    revoked.add(ended("a", 900), now=0)
    revoked.add(ended("a", 900), now=100)
    revoked.add(ended("a", 10), now=100)
    revoked.forget(now=1_200)
    assert "a" in revoked
    revoked.forget(now=1_300)
    assert "a" not in revoked


def test_one_that_is_told_a_thousand_times_is_remembered_once():
    revoked = Revoked()
    for _ in range(1_000):
        revoked.add(ended("a", 900), now=0)
    assert len(revoked) == len(revoked._order) == 1


def test_a_time_that_makes_no_sense_is_kept_for_the_shortest_time():
    revoked = Revoked()
    revoked.add(ended("a", -5_000), now=0)
    revoked.forget(now=299)
    assert "a" in revoked


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcdef"), st.integers(0, 1_000), st.floats(0, 50, allow_nan=False)
        )
    )
)
def test_keeps_exactly_what_is_not_over(told):
    revoked, model, now = Revoked(), {}, 0.0
    for session_id, lasts, later in told:
        now += later
        revoked.add(ended(session_id, lasts), now)
        model[session_id] = max(model.get(session_id, 0.0), now + lasts + 300.0)
        revoked.forget(now)
        kept = {each for each, until in model.items() if until > now}
        assert {each for each in "abcdef" if each in revoked} == kept
