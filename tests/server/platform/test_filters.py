"""Filters: whatever is typed becomes conditions, or a refusal that names the field."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql

from server import errors
from server.audit import listing as of_events
from server.platform.filters import ValueUnreadableError, moment, parse
from server.users import listing as of_users

LISTS = {"users": of_users.FIELDS, "events": of_events.FIELDS}

WORDS = st.sampled_from(
    [*of_users.FIELDS, *of_events.FIELDS, "AND", "and", "OR", "NOT", "(", ")", "nothing", "a.b"]
)
OPERATORS = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "==", "=~", ":", "<>", ""])
VALUES = st.one_of(
    st.sampled_from(["true", "ACTIVE", "OUTCOME_DENIED", "2026-01-01", '"a*"', '"\\', '"', "\\"]),
    st.text(max_size=10),
    st.text(max_size=10).map('"{}"'.format),
    st.datetimes().map(datetime.isoformat),
)
CONDITIONS = st.tuples(WORDS, OPERATORS, VALUES).map(" ".join)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(CONDITIONS, max_size=4).map(" AND ".join),
    st.lists(st.one_of(WORDS, OPERATORS, VALUES), max_size=8).map(" ".join),
)


@pytest.mark.parametrize("fields", LISTS.values(), ids=LISTS)
@given(text=TEXTS)
def test_whatever_is_typed_is_read_or_refused_by_field(fields, text):
    conditions, faults = read(text, fields)

    assert all(condition.compile(dialect=postgresql.dialect()).string for condition in conditions)
    assert all(fault.field == "filter" for fault in faults)
    assert all(fault.rule.startswith("filter.") for fault in faults)


def read(text, fields):
    """What became of a text: conditions, or faults."""
    try:
        return parse(text, fields), []
    except errors.InvalidRequest as refusal:
        return [], refusal.faults


@given(value=st.text(st.characters(exclude_characters='"\\*'), max_size=20))
def test_a_quoted_value_arrives_as_it_was_typed(value):
    (condition,) = parse(f'request_id = "{value}"', of_events.FIELDS)

    assert list(condition.compile().params.values()) == [value]


def test_quotes_and_backslashes_can_be_quoted():
    (condition,) = parse(r'action = "a \"b\" \\c"', of_events.FIELDS)

    assert list(condition.compile().params.values()) == ['a "b" \\c']


def test_no_filter_means_no_condition():
    assert parse("", of_users.FIELDS) == parse("  ", of_users.FIELDS) == []


def test_conditions_are_joined_by_and_in_any_case():
    text = "state=ACTIVE and role = admin AND email_verified != true"

    assert len(parse(text, of_users.FIELDS)) == 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05+02:00", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("2026-01-02T03:04:05.678901", datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
    ],
)
def test_moments_are_read_as_rfc_3339(value, expected):
    assert moment(value) == expected


@given(st.text(max_size=40))
def test_other_texts_are_no_moments(value):
    try:
        assert moment(value).tzinfo is UTC
    except ValueUnreadableError:
        return
