"""What expires in the outbox."""

from datetime import datetime, timedelta

from sqlalchemy import Delete

from server.jobs.cleanup import Sweep, delete_some
from server.jobs.model import OutboxRow

_DONE_STAYS = timedelta(days=1)
_DEAD_STAYS = timedelta(days=30)


def sweeps() -> list[Sweep]:
    """Jobs that were done a day ago, and those given up 30 days ago."""
    return [Sweep("jobs done", _done), Sweep("jobs dead", _dead)]


def _done(now: datetime, size: int) -> Delete:
    return delete_some(OutboxRow, OutboxRow.done_time < now - _DONE_STAYS, size=size)


def _dead(now: datetime, size: int) -> Delete:
    return delete_some(OutboxRow, OutboxRow.dead_time < now - _DEAD_STAYS, size=size)
