"""Signing keys in PostgreSQL."""

from datetime import datetime

from sqlalchemy import delete, or_, select, text, update

from server.auth.model import SigningKeyRow
from server.platform.database import Transaction

# Any number will do as long as nothing else in the database locks it.
_LOCK = 0x6C696D656E6B6579

_UNSYNCHRONIZED = {"synchronize_session": False}


async def lock(tx: Transaction) -> None:
    """Waits until nobody else changes keys, and keeps them from it until `tx` ends."""
    await tx.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))


async def all_keys(tx: Transaction) -> list[SigningKeyRow]:
    """Every key, retired ones included."""
    return list((await tx.scalars(select(SigningKeyRow))).all())


async def add(tx: Transaction, row: SigningKeyRow) -> None:
    """Inserts a key."""
    tx.add(row)
    await tx.flush()


async def activate(tx: Transaction, row: SigningKeyRow, when: datetime) -> None:
    """Sets when a key that `tx` has read begins to sign."""
    row.activate_time = when
    await tx.flush()


async def retire_others(tx: Transaction, key_id: str, when: datetime) -> None:
    """Makes all keys but one end at a time, unless they end before it."""
    await tx.execute(
        update(SigningKeyRow)
        .where(
            SigningKeyRow.key_id != key_id,
            or_(SigningKeyRow.retire_time.is_(None), SigningKeyRow.retire_time > when),
        )
        .values(retire_time=when)
        .execution_options(**_UNSYNCHRONIZED)
    )


async def delete_all(tx: Transaction) -> int:
    """Deletes every key. Returns how many there were."""
    gone = await tx.execute(delete(SigningKeyRow).execution_options(**_UNSYNCHRONIZED))
    return int(getattr(gone, "rowcount", 0))
