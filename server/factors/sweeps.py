"""What expires in this slice."""

from datetime import datetime, timedelta

from sqlalchemy import Delete

from server.factors.authenticator_apps import CONFIRMED_WITHIN
from server.factors.model import CeremonyRow, TotpRow
from server.jobs.cleanup import Sweep, delete_some

_CEREMONY_STAYS = timedelta(hours=1)


def sweeps() -> list[Sweep]:
    """Authenticator apps that nobody has confirmed, and ceremonies that expired an hour ago."""
    return [
        Sweep("unconfirmed authenticator apps", _unconfirmed),
        Sweep("ceremonies", _ceremonies),
    ]


def _unconfirmed(now: datetime, size: int) -> Delete:
    old = TotpRow.create_time < now - CONFIRMED_WITHIN
    return delete_some(TotpRow, TotpRow.confirm_time.is_(None), old, size=size)


def _ceremonies(now: datetime, size: int) -> Delete:
    return delete_some(CeremonyRow, CeremonyRow.expire_time < now - _CEREMONY_STAYS, size=size)
