"""Writing events: the one way into the log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from server.audit.actions import Action, Outcome
from server.audit.model import EventRow
from server.caller import Caller
from server.platform.clock import Clock, Entropy
from server.platform.database import Database, Transaction, insertion


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom or what an action concerns."""

    type: str = ""
    id: str = ""


NOBODY = Subject()


def user(user_id: UUID) -> Subject:
    """A user as the subject of an event."""
    return Subject("user", str(user_id))


def role(name: str) -> Subject:
    """A role as the subject of an event."""
    return Subject("role", name)


def session(session_id: UUID) -> Subject:
    """A session as the subject of an event."""
    return Subject("session", str(session_id))


@dataclass(frozen=True, slots=True)
class Event:
    """What is written. Details hold neither secrets nor data about persons."""

    action: Action
    outcome: Outcome = Outcome.SUCCESS
    subject: Subject = NOBODY
    actor: UUID | None = None
    """The user who acted, when the call itself was not signed in, as at sign-in."""
    details: Mapping[str, str] = field(default_factory=dict)


def failed(action: Action, *, subject: Subject = NOBODY, **details: str) -> Event:
    """An action that was tried and did not come about."""
    return Event(action, outcome=Outcome.FAILURE, subject=subject, details=details)


_COLUMNS, _INSERT = insertion(EventRow)
_WRITE = f"""
    WITH written AS ({_INSERT} ON CONFLICT DO NOTHING RETURNING event_id)
    INSERT INTO audit.pending (event_id) SELECT event_id FROM written RETURNING event_id
"""  # noqa: S608 - made of column names


class Recorder:
    """Writes events within the transaction of the action they tell of."""

    def __init__(self, *, database: Database, clock: Clock, entropy: Entropy) -> None:
        self._database = database
        self._clock = clock
        self._entropy = entropy

    async def record(self, tx: Transaction, caller: Caller, event: Event) -> UUID:
        """Writes one event and returns its id.

        Event and action stand or fall together: when this raises, the action is refused.
        """
        event_id = self._entropy.identifier()
        await self._write(
            tx,
            caller,
            event_id=event_id,
            action=event.action.value,
            outcome=event.outcome.value,
            subject_type=event.subject.type,
            subject_id=event.subject.id,
            details=dict(event.details),
            **_actor(caller, event.actor),
        )
        return event_id

    async def record_foreign(
        self,
        tx: Transaction,
        caller: Caller,
        *,
        action: str,
        outcome: Outcome,
        subject: Subject,
        details: Mapping[str, str],
        event_key: str | None,
    ) -> UUID | None:
        """Writes an event of another service.

        Returns its id, or None when the caller has used `event_key` before.
        """
        event_id = self._entropy.identifier()
        written = await self._write(
            tx,
            caller,
            event_id=event_id,
            action=action,
            outcome=outcome.value,
            subject_type=subject.type,
            subject_id=subject.id,
            details=dict(details),
            event_key=event_key,
            **_actor(caller, None),
        )
        return event_id if written else None

    async def denied(self, caller: Caller, action: str) -> None:
        """Writes that `caller` tried what they are not allowed to do."""
        async with self._database.transaction() as tx:
            await self._write(
                tx,
                caller,
                event_id=self._entropy.identifier(),
                action=action,
                outcome=Outcome.DENIED.value,
                subject_type="",
                subject_id="",
                details={},
                **_actor(caller, None),
            )

    async def _write(self, tx: Transaction, caller: Caller, **values: Any) -> bool:
        """Writes an event. False when its actor has used its key before."""
        row = {
            "time": self._clock.now(),
            "request_id": caller.origin.request_id,
            "network": caller.origin.network,
            "event_key": None,
            **values,
            "details": orjson.dumps(values["details"] | _means(caller)).decode(),
        }
        written = await tx.pg.fetchval(_WRITE, *(row[name] for name in _COLUMNS))
        return written is not None


def _means(caller: Caller) -> dict[str, str]:
    """What the actor has used in place of a session."""
    key = caller.principal.api_key_id if caller.principal else None
    return {} if key is None else {"api_key": str(key)}


def _actor(caller: Caller, acting: UUID | None) -> dict[str, Any]:
    user_id = acting or (caller.principal.user_id if caller.principal else None)
    if user_id is not None:
        return {"actor_type": "user", "actor_id": str(user_id)}
    kind = "anonymous" if caller.origin.request_id else "system"
    return {"actor_type": kind, "actor_id": ""}
