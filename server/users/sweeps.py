"""What expires in this slice."""

from datetime import datetime, timedelta

from sqlalchemy import Delete, or_

from server.jobs.cleanup import Sweep, delete_some
from server.users.model import KnownNetworkRow, SignInFailuresRow

_FAILURES_STAY = timedelta(days=1)
_NETWORK_STAYS = timedelta(days=90)


def sweeps() -> list[Sweep]:
    """Failed sign-ins of a day ago that lock nothing, and networks unused for 90 days."""
    return [Sweep("sign-in failures", _failures), Sweep("known networks", _networks)]


def _failures(now: datetime, size: int) -> Delete:
    unlocked = or_(SignInFailuresRow.locked_until.is_(None), SignInFailuresRow.locked_until < now)
    old = SignInFailuresRow.last_attempt < now - _FAILURES_STAY
    return delete_some(SignInFailuresRow, old, unlocked, size=size)


def _networks(now: datetime, size: int) -> Delete:
    return delete_some(
        KnownNetworkRow, KnownNetworkRow.last_success < now - _NETWORK_STAYS, size=size
    )
