"""Challenges in PostgreSQL."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update

from server.auth.model import ChallengeRow
from server.platform.database import Transaction, insertion

_UNSYNCHRONIZED = {"synchronize_session": False}

_COLUMNS, _ADD = insertion(ChallengeRow)


async def add(tx: Transaction, challenge: ChallengeRow) -> None:
    """Inserts a challenge."""
    await tx.pg.execute(_ADD, *(getattr(challenge, name) for name in _COLUMNS))


async def live(tx: Transaction, token_hash: bytes, now: datetime) -> ChallengeRow | None:
    """The challenge with this token, unless it is answered, void or expired."""
    found: ChallengeRow | None = await tx.scalar(
        select(ChallengeRow).where(
            ChallengeRow.token_hash == token_hash,
            ChallengeRow.consume_time.is_(None),
            ChallengeRow.expire_time > now,
        )
    )
    return found


async def consume(
    tx: Transaction, token_hash: bytes, user_id: UUID, now: datetime
) -> ChallengeRow | None:
    """Uses a challenge of a user up. None when it is not theirs or not live; one caller wins."""
    consumed: ChallengeRow | None = await tx.scalar(
        update(ChallengeRow)
        .where(
            ChallengeRow.token_hash == token_hash,
            ChallengeRow.user_id == user_id,
            ChallengeRow.consume_time.is_(None),
            ChallengeRow.expire_time > now,
        )
        .values(consume_time=now)
        .returning(ChallengeRow)
        .execution_options(**_UNSYNCHRONIZED)
    )
    return consumed


async def void(tx: Transaction, user_id: UUID, now: datetime) -> None:
    """Makes sure that no challenge of a user can be answered any more."""
    await tx.execute(
        update(ChallengeRow)
        .where(ChallengeRow.user_id == user_id, ChallengeRow.consume_time.is_(None))
        .values(consume_time=now)
        .execution_options(**_UNSYNCHRONIZED)
    )
