"""What expires in this slice."""

from datetime import datetime, timedelta

from sqlalchemy import Delete, or_

from server.apikeys.model import ApiKeyRow
from server.jobs.cleanup import Sweep, delete_some

_KEY_STAYS = timedelta(days=30)


def sweeps() -> list[Sweep]:
    """API keys that expired or were revoked a month ago."""
    return [Sweep("API keys", _keys)]


def _keys(now: datetime, size: int) -> Delete:
    before = now - _KEY_STAYS
    ended = or_(ApiKeyRow.expire_time < before, ApiKeyRow.revoke_time < before)
    return delete_some(ApiKeyRow, ended, size=size)
