"""What the filter of ListEvents may ask for."""

from collections.abc import Callable
from typing import Any

from server.audit.actions import Outcome
from server.audit.model import EventRow
from server.platform.filters import Condition, Field, ValueUnreadableError, compare, moment

_OUTCOMES = {f"OUTCOME_{outcome.name}": outcome for outcome in Outcome} | {
    outcome.name: outcome for outcome in Outcome
}


def _outcome(op: str, value: str) -> Condition:
    if value not in _OUTCOMES:
        raise ValueUnreadableError
    return compare(EventRow.outcome, op, _OUTCOMES[value].value)


def _time(op: str, value: str) -> Condition:
    return compare(EventRow.time, op, moment(value))


def _text(column: Any) -> Callable[[str, str], Condition]:
    return lambda op, value: compare(column, op, value)


FIELDS = {
    "action": Field(_text(EventRow.action)),
    "outcome": Field(_outcome),
    "actor.id": Field(_text(EventRow.actor_id)),
    "subject.id": Field(_text(EventRow.subject_id)),
    "request_id": Field(_text(EventRow.request_id)),
    "requestId": Field(_text(EventRow.request_id)),
    "time": Field(_time, ordered=True),
}
