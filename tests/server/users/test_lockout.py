from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from server.users.lockout import LockoutPolicy, Record

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
POLICY = LockoutPolicy()
LIMIT = POLICY.network_limit


def failed(record: Record, times: int, now: datetime, limit: int = LIMIT) -> Record:
    """The record after attempts that were tried and failed one by one."""
    for _ in range(times):
        assert POLICY.wait(record, limit, now) is None
        record = POLICY.fail(POLICY.reserve(record, now), limit, now)
    return record


def test_the_eleventh_attempt_is_refused():
    record = failed(Record(), LIMIT, NOON)
    assert POLICY.wait(record, LIMIT, NOON) == MINUTE
    assert POLICY.wait(record, LIMIT, NOON + MINUTE - SECOND) == SECOND
    assert POLICY.wait(record, LIMIT, NOON + MINUTE) is None


def test_a_hundred_parallel_guesses_are_evaluated_ten_times():
    record, evaluated = Record(), 0
    for _ in range(100):
        if POLICY.wait(record, LIMIT, NOON) is None:
            record, evaluated = POLICY.reserve(record, NOON), evaluated + 1
    assert evaluated == LIMIT
    wait = POLICY.wait(record, LIMIT, NOON)
    assert wait is not None
    assert wait > timedelta(0)
    for _ in range(evaluated):
        record = POLICY.fail(record, LIMIT, NOON)
    assert POLICY.wait(record, LIMIT, NOON) == MINUTE


def test_locks_double_up_to_an_hour():
    record, now, waits = Record(), NOON, []
    for _ in range(9):
        record = failed(record, LIMIT, now)
        wait = POLICY.wait(record, LIMIT, now)
        assert wait is not None
        waits.append(wait // MINUTE)
        now += wait
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_thousand_locks_are_still_an_hour():
    record = replace(failed(Record(), LIMIT - 1, NOON), locks=1000)
    record = POLICY.fail(POLICY.reserve(record, NOON), LIMIT, NOON)
    assert POLICY.wait(record, LIMIT, NOON) == HOUR


@pytest.mark.parametrize(("quiet", "left"), [(15 * MINUTE - SECOND, 1), (15 * MINUTE, LIMIT)])
def test_failures_fade_after_a_quiet_spell(quiet, left):
    record, later = failed(Record(), LIMIT - 1, NOON), NOON + quiet
    record = failed(record, left, later)
    assert POLICY.wait(record, LIMIT, later) == MINUTE


def test_the_growth_of_locks_fades_after_a_day():
    record = failed(Record(), LIMIT, NOON)
    for day, expected in ((NOON + 24 * HOUR - SECOND, 2 * MINUTE), (NOON + 24 * HOUR, MINUTE)):
        assert POLICY.wait(failed(record, LIMIT, day), LIMIT, day) == expected


def test_attempts_that_were_never_settled_fade_too():
    record = Record()
    for _ in range(LIMIT):
        record = POLICY.reserve(record, NOON)
    assert POLICY.wait(record, LIMIT, NOON + 15 * MINUTE - SECOND) is not None
    assert POLICY.wait(record, LIMIT, NOON + 15 * MINUTE) is None


def test_an_attempt_that_outlives_the_wiping_of_its_record_still_counts():
    record = POLICY.fail(Record(), LIMIT, NOON)
    assert POLICY.wait(failed(record, LIMIT - 1, NOON), LIMIT, NOON) == MINUTE


class OneRecord(RuleBasedStateMachine):
    """One network against one address, with any number of attempts at a time."""

    limit = 3

    def __init__(self) -> None:
        super().__init__()
        self.record, self.now = Record(), NOON
        self.under_way = self.failed = 0
        self.last_wait = timedelta(0)

    @rule(pause=st.sampled_from([timedelta(0), SECOND, 30 * SECOND, MINUTE, 5 * MINUTE, HOUR]))
    def time_passes(self, pause):
        # Attempts are settled within seconds, so time passes only between them.
        if not self.under_way:
            self.now += pause

    @rule()
    def guess(self):
        wait = POLICY.wait(self.record, self.limit, self.now)
        if wait is None:
            self.record = POLICY.reserve(self.record, self.now)
            self.failed = self.record.failures
            self.under_way += 1
        else:
            assert timedelta(0) < wait <= POLICY.longest_lock

    @precondition(lambda self: self.under_way)
    @rule()
    def evaluate(self):
        self.under_way, self.failed = self.under_way - 1, self.failed + 1
        self.record = POLICY.fail(self.record, self.limit, self.now)
        wait = POLICY.wait(self.record, self.limit, self.now)
        if self.failed == self.limit:
            assert wait is not None
            assert wait >= POLICY.first_lock
            self.failed = 0

    @invariant()
    def never_more_than_the_limit(self):
        assert self.failed + self.under_way <= self.limit


TestOneRecord = OneRecord.TestCase
TestOneRecord.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class Place:
    """An owner's own network and everybody else's, each with the records that count for it."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}

    def guess(self, network: str, now: datetime, *, known: bool) -> bool:
        counting = {network: POLICY.network_limit}
        if not known:
            counting["everywhere"] = POLICY.account_limit
        held = {name: self.records.get(name, Record()) for name in counting}
        if any(POLICY.wait(held[name], limit, now) is not None for name, limit in counting.items()):
            return False
        for name, limit in counting.items():
            self.records[name] = POLICY.fail(POLICY.reserve(held[name], now), limit, now)
        return True


strangers = st.lists(
    st.tuples(st.sampled_from([f"stranger {number}" for number in range(8)]), st.integers(0, 90)),
    max_size=150,
)


@given(strangers)
@settings(max_examples=60, deadline=None)
def test_no_strangers_ever_lock_the_owner_out_of_a_known_network(guesses):
    place, now = Place(), NOON
    for network, pause in guesses:
        now += pause * SECOND
        place.guess(network, now, known=False)
    assert all(place.guess("home", now, known=True) for _ in range(POLICY.network_limit))


@given(st.integers(6, 200))
@settings(max_examples=20, deadline=None)
def test_any_number_of_unknown_networks_share_one_budget(networks):
    place = Place()
    admitted = [
        place.guess(f"bot {bot}", NOON, known=False) for bot in range(networks) for _ in range(12)
    ]
    assert sum(admitted) == POLICY.account_limit
