"""What expires in this slice."""

from datetime import datetime, timedelta

from sqlalchemy import Delete, and_, exists, or_
from sqlalchemy.orm import aliased

from server.auth.model import OneTimeTokenRow, SessionRow
from server.auth.one_time_tokens import Purpose
from server.jobs.cleanup import Sweep, delete_some

_SESSION_STAYS = timedelta(days=7)
_TOKEN_STAYS = timedelta(days=1)


def sweeps() -> list[Sweep]:
    """Sessions that ended a week ago, and one-time tokens that expired a day ago."""
    return [Sweep("sessions", _sessions), Sweep("one-time tokens", _tokens)]


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
