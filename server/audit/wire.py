"""Events as messages."""

from limen.audit.v1 import audit_pb2
from server.audit.actions import Outcome
from server.audit.recorder import NOBODY, Subject
from server.audit.repository import Entry
from server.wire import timestamp

_OUTCOMES = {
    Outcome.SUCCESS.value: audit_pb2.OUTCOME_SUCCESS,
    Outcome.FAILURE.value: audit_pb2.OUTCOME_FAILURE,
    Outcome.DENIED.value: audit_pb2.OUTCOME_DENIED,
}
_BY_NUMBER = {number: Outcome(value) for value, number in _OUTCOMES.items()}


def event(entry: Entry) -> audit_pb2.Event:
    """The message for an event."""
    row = entry.event
    return audit_pb2.Event(
        event_id=str(row.event_id),
        index=entry.index,
        time=timestamp(row.time),
        action=row.action,
        outcome=_OUTCOMES[row.outcome],
        actor=audit_pb2.Principal(type=row.actor_type, id=row.actor_id),
        subject=audit_pb2.Subject(type=row.subject_type, id=row.subject_id)
        if row.subject_type
        else None,
        request_id=row.request_id,
        network=row.network,
        details=row.details,
    )


def outcome(number: audit_pb2.Outcome.ValueType) -> Outcome:
    """How an action ended."""
    return _BY_NUMBER[number]


def subject(message: audit_pb2.Subject | None) -> Subject:
    """Whom or what an action concerned."""
    return Subject(message.type, message.id) if message is not None else NOBODY
