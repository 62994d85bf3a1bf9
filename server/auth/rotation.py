"""When signing keys begin, sign, verify and retire. Pure: rows and time come from outside.

A new key is published for an hour before it signs, so that everybody who verifies has it by then;
the key before it verifies until the last token it signed has expired.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from server.auth.model import SigningKeyRow
from server.auth.tokens import LONGEST_LIFETIME

OVERLAP = timedelta(hours=1)
"""How long a key is published before it signs: longer than anybody keeps a set of keys. The edge
lets its own be kept for five minutes."""

OUTLIVES = LONGEST_LIFETIME + timedelta(minutes=5)
"""How long a key verifies after it has last signed: while a token lives, and five minutes for
clocks that disagree."""

_EVER = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)

Rows = Sequence[SigningKeyRow]


class State(StrEnum):
    """What a key is for."""

    PENDING = "pending"
    """It is published, and signs later."""
    SIGNING = "signing"
    """It signs, at whoever can unseal it."""
    VERIFYING = "verifying"
    """It verifies what it signed."""
    RETIRED = "retired"
    """What it signed is refused."""


def live(rows: Rows, now: datetime) -> list[SigningKeyRow]:
    """The keys that verify, published in the order in which they sign."""
    found = [row for row in rows if row.retire_time is None or row.retire_time > now]
    return sorted(found, key=lambda row: (row.activate_time, row.key_id))


def pending(rows: Rows, now: datetime) -> SigningKeyRow | None:
    """The next key that is to sign, if one is waiting for its time."""
    return next((row for row in live(rows, now) if row.activate_time > now), None)


def signers(rows: Rows, now: datetime) -> list[SigningKeyRow]:
    """The keys that could sign, the one that should first.

    One that is to sign later comes last: to sign too early is better than not at all, as when the
    clock of whoever made the only key is ahead.
    """
    found = live(rows, now)
    active = [row for row in found if row.activate_time <= now]
    return [*reversed(active), *(row for row in found if row.activate_time > now)]


def state(row: SigningKeyRow, rows: Rows, now: datetime) -> State:
    """What a key among `rows` is for at present."""
    if row not in live(rows, now):
        return State.RETIRED
    if row is signers(rows, now)[0]:
        return State.SIGNING
    return State.PENDING if row.activate_time > now else State.VERIFYING


def is_due(rows: Rows, now: datetime, every: timedelta) -> bool:
    """Whether it is time to publish the key that replaces the newest one."""
    newest = max((row.activate_time for row in live(rows, now)), default=None)
    return newest is not None and newest + every - OVERLAP <= now


def unchanged(rows: Rows, now: datetime) -> tuple[datetime, datetime]:
    """The time around `now` in which no key changes its state: from the first moment inclusive to
    the second exclusive.
    """
    moments = [moment for row in rows for moment in (row.activate_time, row.retire_time) if moment]
    return (
        max((moment for moment in moments if moment <= now), default=_EVER),
        min((moment for moment in moments if moment > now), default=_NEVER),
    )
