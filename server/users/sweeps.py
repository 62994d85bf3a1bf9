"""What expires in this slice."""

from datetime import datetime, timedelta

from sqlalchemy import Delete, or_

from server.jobs.cleanup import Sweep, delete_some
from server.users.lockout import KNOWN_FOR
from server.users.model import KnownNetworkRow, SignInFailuresRow

_FAILURES_STAY = timedelta(days=1)


def sweeps() -> list[Sweep]:
    """Sign-in attempts of a day ago that lock nothing, and networks that no longer count."""
    return [Sweep("sign-in failures", _failures), Sweep("known networks", _networks)]


def _failures(now: datetime, size: int) -> Delete:
    unlocked = or_(SignInFailuresRow.locked_until.is_(None), SignInFailuresRow.locked_until < now)
    # A row without an attempt was made for one that another row then refused.
    old = or_(
        SignInFailuresRow.last_attempt.is_(None),
        SignInFailuresRow.last_attempt < now - _FAILURES_STAY,
    )
    return delete_some(SignInFailuresRow, old, unlocked, size=size)


def _networks(now: datetime, size: int) -> Delete:
    return delete_some(KnownNetworkRow, KnownNetworkRow.last_success < now - KNOWN_FOR, size=size)
