"""Authenticator apps and recovery codes in PostgreSQL, and what concerns factors of every kind."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from server.assurance import SecondFactor
from server.factors.model import TotpRow
from server.platform.database import Transaction, insertion

_FACTORS = """
    SELECT factor_id FROM factors.totps WHERE user_id = $1 AND confirm_time IS NOT NULL
    UNION ALL
    SELECT factor_id FROM factors.passkeys WHERE user_id = $1
"""
_HAS_FACTOR = f"SELECT EXISTS ({_FACTORS})"
_FACTOR_COUNT = f"SELECT count(*) FROM ({_FACTORS}) AS every"  # noqa: S608 - made of constants

_WAYS = """
    SELECT 'totp' WHERE EXISTS (
        SELECT FROM factors.totps WHERE user_id = $1 AND confirm_time IS NOT NULL
    )
    UNION ALL
    SELECT 'passkey' WHERE EXISTS (SELECT FROM factors.passkeys WHERE user_id = $1)
    UNION ALL
    SELECT 'recovery_code' WHERE EXISTS (
        SELECT FROM factors.recovery_codes WHERE user_id = $1 AND use_time IS NULL
    )
"""

_DELETE = """
    WITH totp AS (
        DELETE FROM factors.totps
        WHERE user_id = $1 AND factor_id = $2 AND confirm_time IS NOT NULL RETURNING factor_id
    ), passkey AS (
        DELETE FROM factors.passkeys WHERE user_id = $1 AND factor_id = $2 RETURNING factor_id
    )
    SELECT factor_id FROM totp UNION ALL SELECT factor_id FROM passkey
"""

_TOTP_COLUMNS, _ADD_TOTP = insertion(TotpRow)
_TOTPS = f"SELECT {', '.join(_TOTP_COLUMNS)} FROM factors.totps"  # noqa: S608 - column names
_CONFIRMED = f"{_TOTPS} WHERE user_id = $1 AND confirm_time IS NOT NULL ORDER BY factor_id"
_UNCONFIRMED = f"""
    {_TOTPS} WHERE user_id = $1 AND factor_id = $2 AND confirm_time IS NULL AND create_time > $3
"""
_DROP_UNCONFIRMED = "DELETE FROM factors.totps WHERE user_id = $1 AND confirm_time IS NULL"

# Of any number of calls with one code, in any number of processes, one finds the step unused.
_USE_STEP = """
    UPDATE factors.totps SET last_step = $2, last_use_time = $3
    WHERE factor_id = $1 AND confirm_time IS NOT NULL AND (last_step IS NULL OR last_step < $2)
    RETURNING factor_id
"""
_CONFIRM = """
    UPDATE factors.totps SET last_step = $2, confirm_time = $3
    WHERE factor_id = $1 AND confirm_time IS NULL
    RETURNING factor_id
"""

_DROP_CODES = "DELETE FROM factors.recovery_codes WHERE user_id = $1"
_ADD_CODES = """
    INSERT INTO factors.recovery_codes (user_id, code_hash, create_time)
    SELECT $1, code_hash, $3 FROM unnest($2::bytea[]) AS code_hash
"""
_HAS_CODES = "SELECT EXISTS (SELECT FROM factors.recovery_codes WHERE user_id = $1)"
_UNUSED_CODES = """
    SELECT code_hash FROM factors.recovery_codes WHERE user_id = $1 AND use_time IS NULL
"""
_USE_CODE = """
    UPDATE factors.recovery_codes SET use_time = $3
    WHERE user_id = $1 AND code_hash = $2 AND use_time IS NULL
    RETURNING code_hash
"""

# Factors of every kind


async def has_factor(tx: Transaction, user_id: UUID) -> bool:
    """Whether a user has a confirmed factor."""
    return bool(await tx.pg.fetchval(_HAS_FACTOR, user_id))


async def factor_count(tx: Transaction, user_id: UUID) -> int:
    """How many confirmed factors a user has."""
    return int(await tx.pg.fetchval(_FACTOR_COUNT, user_id))


async def ways(tx: Transaction, user_id: UUID) -> Sequence[SecondFactor]:
    """The ways in which a user can show a second factor."""
    return [SecondFactor(row[0]) for row in await tx.pg.fetch(_WAYS, user_id)]


async def delete(tx: Transaction, user_id: UUID, factor_id: UUID) -> bool:
    """Deletes a confirmed factor of a user. False when there is none."""
    return await tx.pg.fetchval(_DELETE, user_id, factor_id) is not None


# Authenticator apps


async def replace_unconfirmed(tx: Transaction, totp: TotpRow) -> None:
    """Inserts an authenticator app in the place of those that wait to be confirmed."""
    await tx.pg.execute(_DROP_UNCONFIRMED, totp.user_id)
    await tx.pg.execute(_ADD_TOTP, *(getattr(totp, name) for name in _TOTP_COLUMNS))


async def totps(tx: Transaction, user_id: UUID) -> Sequence[TotpRow]:
    """The confirmed authenticator apps of a user, oldest first."""
    return [TotpRow(**dict(row)) for row in await tx.pg.fetch(_CONFIRMED, user_id)]


async def unconfirmed_totp(
    tx: Transaction, user_id: UUID, factor_id: UUID, *, since: datetime
) -> TotpRow | None:
    """The authenticator app of a user that waits to be confirmed, if it was added after `since`."""
    row = await tx.pg.fetchrow(_UNCONFIRMED, user_id, factor_id, since)
    return None if row is None else TotpRow(**dict(row))


async def confirm_totp(tx: Transaction, factor_id: UUID, step: int, now: datetime) -> bool:
    """Makes an authenticator app a factor and uses a step up. False when it was one already."""
    return await tx.pg.fetchval(_CONFIRM, factor_id, step, now) is not None


async def use_step(tx: Transaction, factor_id: UUID, step: int, now: datetime) -> bool:
    """Uses a time step up, and all before. False when it has been used; one caller wins."""
    return await tx.pg.fetchval(_USE_STEP, factor_id, step, now) is not None


# Recovery codes


async def replace_recovery_codes(
    tx: Transaction, user_id: UUID, hashes: Sequence[bytes], now: datetime
) -> None:
    """Makes these the only recovery codes of a user."""
    await tx.pg.execute(_DROP_CODES, user_id)
    await tx.pg.execute(_ADD_CODES, user_id, list(hashes), now)


async def drop_recovery_codes(tx: Transaction, user_id: UUID) -> None:
    """Deletes the recovery codes of a user."""
    await tx.pg.execute(_DROP_CODES, user_id)


async def has_recovery_codes(tx: Transaction, user_id: UUID) -> bool:
    """Whether a user was given recovery codes, used or not."""
    return bool(await tx.pg.fetchval(_HAS_CODES, user_id))


async def unused_recovery_codes(tx: Transaction, user_id: UUID) -> Sequence[bytes]:
    """The recovery codes of a user that were not used, as they are stored."""
    return [row["code_hash"] for row in await tx.pg.fetch(_UNUSED_CODES, user_id)]


async def use_recovery_code(
    tx: Transaction, user_id: UUID, code_hash: bytes, now: datetime
) -> bool:
    """Uses a recovery code up. False when it has been used; one caller wins."""
    return await tx.pg.fetchval(_USE_CODE, user_id, code_hash, now) is not None
