"""What expires in this slice."""

from datetime import datetime, timedelta

from sqlalchemy import Delete, and_, exists, or_
from sqlalchemy.orm import aliased

from server.auth.model import (
    ChallengeRow,
    OneTimeTokenRow,
    RevocationRow,
    SessionRow,
    SigningKeyRow,
)
from server.auth.one_time_tokens import Purpose
from server.auth.revocation_log import REMEMBERED_FOR
from server.jobs.cleanup import Sweep, delete_some

_SESSION_STAYS = timedelta(days=7)
_TOKEN_STAYS = timedelta(days=1)
_REVOCATION_STAYS = REMEMBERED_FOR + timedelta(minutes=10)
_KEY_STAYS = timedelta(days=30)


def sweeps() -> list[Sweep]:
    """Sessions that ended a week ago, one-time tokens that expired a day ago, revocations that no
    token outlives, signing keys that retired a month ago, and challenges that have expired.
    """
    return [
        Sweep("sessions", _sessions),
        Sweep("one-time tokens", _tokens),
        Sweep("revocations", _revocations),
        Sweep("signing keys", _keys),
        Sweep("challenges", _challenges),
    ]


def _sessions(now: datetime, size: int) -> Delete:
    before = now - _SESSION_STAYS
    ended = or_(SessionRow.expire_time < before, SessionRow.revoke_time < before)
    return delete_some(SessionRow, ended, size=size)


def _tokens(now: datetime, size: int) -> Delete:
    """Spares the last open sign-up of each account: its password is the only one there is."""
    newer = aliased(OneTimeTokenRow)
    registration = and_(
        OneTimeTokenRow.purpose == Purpose.VERIFY_EMAIL,
        OneTimeTokenRow.consume_time.is_(None),
        OneTimeTokenRow.encoded.is_not(None),
        ~exists().where(
            newer.user_id == OneTimeTokenRow.user_id,
            newer.purpose == Purpose.VERIFY_EMAIL,
            newer.consume_time.is_(None),
            newer.encoded.is_not(None),
            newer.token_id > OneTimeTokenRow.token_id,
        ),
    )
    expired = OneTimeTokenRow.expire_time < now - _TOKEN_STAYS
    return delete_some(OneTimeTokenRow, expired, ~registration, size=size)


def _revocations(now: datetime, size: int) -> Delete:
    return delete_some(RevocationRow, RevocationRow.time < now - _REVOCATION_STAYS, size=size)


def _keys(now: datetime, size: int) -> Delete:
    return delete_some(SigningKeyRow, SigningKeyRow.retire_time < now - _KEY_STAYS, size=size)


def _challenges(now: datetime, size: int) -> Delete:
    return delete_some(ChallengeRow, ChallengeRow.expire_time < now, size=size)
