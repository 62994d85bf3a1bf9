"""API keys in PostgreSQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, update

from server.apikeys.model import ApiKeyRow
from server.platform.database import Transaction, announce, insertion

_COLUMNS, _ADD = insertion(ApiKeyRow)

_BY_SECRET = "SELECT api_key_id FROM apikeys.keys WHERE secret_hash = $1"

_TOUCH = """
    UPDATE apikeys.keys SET last_use_time = greatest(last_use_time, used.at),
        last_use_network = coalesce(used.network, last_use_network)
    FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS used (api_key_id, at, network)
    WHERE keys.api_key_id = used.api_key_id
"""


@dataclass(frozen=True, slots=True)
class Use:
    """When a key was used, and from where; without a network where a service asked about it."""

    time: datetime
    network: str | None


async def add(tx: Transaction, key: ApiKeyRow) -> None:
    """Inserts a key."""
    await tx.pg.execute(_ADD, *(getattr(key, name) for name in _COLUMNS))


async def find(tx: Transaction, api_key_id: UUID) -> ApiKeyRow | None:
    """The key of this id, live or not."""
    return await tx.get(ApiKeyRow, api_key_id)


async def id_by_secret(tx: Transaction, secret_hash: bytes) -> UUID | None:
    """The id of the key that a secret names."""
    found: UUID | None = await tx.pg.fetchval(_BY_SECRET, secret_hash)
    return found


async def count_live(tx: Transaction, user_id: UUID, now: datetime) -> int:
    """How many live keys a user has."""
    counted = select(func.count()).select_from(ApiKeyRow).where(*_live(user_id, now))
    return await tx.scalar(counted) or 0


async def live_page(
    tx: Transaction, user_id: UUID, *, now: datetime, after: UUID | None, size: int
) -> list[ApiKeyRow]:
    """Up to `size` live keys of a user, the newest first."""
    query = (
        select(ApiKeyRow)
        .where(*_live(user_id, now))
        .order_by(ApiKeyRow.api_key_id.desc())
        .limit(size)
    )
    if after is not None:
        query = query.where(ApiKeyRow.api_key_id < after)
    return list((await tx.scalars(query)).all())


async def revoke(tx: Transaction, user_id: UUID, api_key_id: UUID, now: datetime) -> bool:
    """Ends a key of a user. False when it is not live, or not theirs."""
    ended = await tx.execute(
        update(ApiKeyRow)
        .where(*_live(user_id, now), ApiKeyRow.api_key_id == api_key_id)
        .values(revoke_time=now)
        .returning(ApiKeyRow.api_key_id)
        .execution_options(synchronize_session=False)
    )
    announce(tx, "api_key", str(api_key_id))
    return ended.first() is not None


async def touch(tx: Transaction, uses: Mapping[UUID, Use]) -> None:
    """Notes when keys were last used, and from where."""
    ordered = sorted(uses.items())
    await tx.pg.execute(
        _TOUCH,
        [api_key_id for api_key_id, _ in ordered],
        [use.time for _, use in ordered],
        [use.network for _, use in ordered],
    )


def _live(user_id: UUID, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        ApiKeyRow.user_id == user_id,
        ApiKeyRow.revoke_time.is_(None),
        or_(ApiKeyRow.expire_time.is_(None), ApiKeyRow.expire_time > now),
    )
