"""Passkeys and ceremonies in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from server.factors.model import CeremonyRow, PasskeyRow
from server.platform.database import Transaction, insertion

_CEREMONY_COLUMNS, _ADD_CEREMONY = insertion(CeremonyRow)
_PASSKEY_COLUMNS, _INSERT_PASSKEY = insertion(PasskeyRow)

_ADD_PASSKEY = f"""
    {_INSERT_PASSKEY} ON CONFLICT (credential_id) DO NOTHING RETURNING factor_id
"""

_CONSUME_CEREMONY = f"""
    UPDATE factors.ceremonies SET consume_time = $4
    WHERE token_hash = $1 AND purpose = $2 AND ($3::uuid IS NULL OR user_id = $3)
      AND consume_time IS NULL AND expire_time > $4
    RETURNING {", ".join(_CEREMONY_COLUMNS)}
"""  # noqa: S608 - made of column names

_PASSKEYS = f"""
    SELECT {", ".join(_PASSKEY_COLUMNS)} FROM factors.passkeys
    WHERE user_id = $1 ORDER BY factor_id
"""  # noqa: S608 - made of column names

_PASSKEY = f"""
    SELECT {", ".join(_PASSKEY_COLUMNS)} FROM factors.passkeys
    WHERE credential_id = $1 AND user_id = $2 FOR UPDATE
"""  # noqa: S608 - made of column names

_OWNER = "SELECT user_id FROM factors.passkeys WHERE credential_id = $1"

_NOTE_USE = """
    UPDATE factors.passkeys SET sign_count = $2, backed_up = $3, last_use_time = $4
    WHERE factor_id = $1
"""

# Ceremonies


async def add_ceremony(tx: Transaction, ceremony: CeremonyRow) -> None:
    """Inserts a ceremony."""
    await tx.pg.execute(_ADD_CEREMONY, *(getattr(ceremony, name) for name in _CEREMONY_COLUMNS))


async def consume_ceremony(
    tx: Transaction, token_hash: bytes, purpose: str, user_id: UUID | None, now: datetime
) -> CeremonyRow | None:
    """Uses a ceremony up. None when that cannot be done (any more)."""
    row = await tx.pg.fetchrow(_CONSUME_CEREMONY, token_hash, purpose, user_id, now)
    return None if row is None else CeremonyRow(**dict(row))


# Passkeys


async def passkeys(tx: Transaction, user_id: UUID) -> Sequence[PasskeyRow]:
    """The passkeys of a user, oldest first."""
    return [_passkey(row) for row in await tx.pg.fetch(_PASSKEYS, user_id)]


async def owner(tx: Transaction, credential_id: bytes) -> UUID | None:
    """Whose passkey has this id."""
    found: UUID | None = await tx.pg.fetchval(_OWNER, credential_id)
    return found


async def lock_passkey(tx: Transaction, credential_id: bytes, user_id: UUID) -> PasskeyRow | None:
    """The passkey of a user by its id; nobody else can change it until `tx` ends."""
    row = await tx.pg.fetchrow(_PASSKEY, credential_id, user_id)
    return None if row is None else _passkey(row)


async def add_passkey(tx: Transaction, passkey: PasskeyRow) -> bool:
    """Inserts a passkey. False when somebody has registered its id."""
    values = (getattr(passkey, name) for name in _PASSKEY_COLUMNS)
    return await tx.pg.fetchval(_ADD_PASSKEY, *values) is not None


async def note_use(
    tx: Transaction, factor_id: UUID, *, sign_count: int, backed_up: bool, now: datetime
) -> None:
    """Writes down what a passkey said about itself when it was shown."""
    await tx.pg.execute(_NOTE_USE, factor_id, sign_count, backed_up, now)


def _passkey(row: asyncpg.Record) -> PasskeyRow:
    return PasskeyRow(**dict(row))
