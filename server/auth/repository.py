"""Passwords, sessions and one-time tokens in PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import ColumnElement, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from server.auth.model import OneTimeTokenRow, PasswordRow, SessionRow
from server.auth.one_time_tokens import Purpose
from server.platform.database import Transaction, announce, insertion
from server.platform.pages import Position
from server.users import repository as users
from server.users.failures import COUNTED, Place, Standing, standing
from server.users.model import ACTIVE
from server.users.repository import ACCOUNT, Account

_UNSYNCHRONIZED = {"synchronize_session": False}


_PASSWORD = "SELECT encoded FROM auth.passwords WHERE user_id = $1"

_TOUCH = """
    UPDATE auth.sessions SET last_use_time = greatest(last_use_time, used.at)
    FROM unnest($1::uuid[], $2::timestamptz[]) AS used (session_id, at)
    WHERE sessions.session_id = used.session_id
"""

_STILL_VALID = """
    SELECT passwords.user_id FROM auth.passwords JOIN users.users USING (user_id)
    WHERE passwords.user_id = $1 AND encoded = $2 AND state = $3 FOR SHARE
"""

_SESSION_COLUMNS, _ADD_SESSION = insertion(SessionRow)

# Those who have a factor are few. Asking here costs the others no round trip of their own.
_HAS_FACTOR = """
    (EXISTS (SELECT FROM factors.totps WHERE totps.user_id = $1 AND confirm_time IS NOT NULL)
     OR EXISTS (SELECT FROM factors.passkeys WHERE passkeys.user_id = $1))
"""

_OPEN_SESSION = f"""
    INSERT INTO auth.sessions ({", ".join(_SESSION_COLUMNS)})
    SELECT {", ".join(f"${number}" for number, _ in enumerate(_SESSION_COLUMNS, start=4))}
    FROM ({_STILL_VALID}) AS valid WHERE NOT {_HAS_FACTOR} RETURNING session_id
"""  # noqa: S608 - made of column names

_CANDIDATE = f"""
    SELECT counted.*, account.*, encoded
    FROM ({COUNTED}) AS counted
    LEFT JOIN ({ACCOUNT}) AS account ON account.email_key = $4
    LEFT JOIN auth.passwords ON passwords.user_id = account.user_id
"""  # noqa: S608 - the parts are constants


@dataclass(frozen=True, slots=True)
class Candidate:
    """What there is to know before a password is looked at."""

    standing: Standing
    account: Account | None
    encoded: str | None
    """The password in force, as it is stored."""


# Passwords


async def candidate(pg: asyncpg.Connection, place: Place, email_key: str) -> Candidate:
    """What counts at a place, and the account with an address, in one round trip.

    Asks the same whether or not there is such an account.
    """
    rows = await pg.fetch(_CANDIDATE, *place.parameters, email_key)
    found = users.account(rows[0]) if rows[0]["user_id"] is not None else None
    return Candidate(standing(place, rows), found, rows[0]["encoded"])


async def password(tx: Transaction, user_id: UUID) -> str | None:
    """The password in force of a user, as it is stored."""
    found: str | None = await tx.pg.fetchval(_PASSWORD, user_id)
    return found


async def set_password(tx: Transaction, user_id: UUID, encoded: str, now: datetime) -> None:
    """Makes a password the one in force."""
    new = insert(PasswordRow).values(user_id=user_id, encoded=encoded, update_time=now)
    await tx.execute(
        new.on_conflict_do_update(
            index_elements=["user_id"],
            set_={"encoded": new.excluded.encoded, "update_time": new.excluded.update_time},
        )
    )


async def add_passwords(
    tx: Transaction, passwords: Sequence[tuple[UUID, str]], now: datetime
) -> None:
    """Gives passwords to accounts that have none."""
    await tx.pg.copy_records_to_table(
        "passwords",
        schema_name="auth",
        columns=("user_id", "encoded", "update_time"),
        records=[(user_id, encoded, now) for user_id, encoded in passwords],
    )


async def rehash(tx: Transaction, user_id: UUID, *, old: str, new: str, now: datetime) -> bool:
    """Stores the same password under newer parameters. False if it changed meanwhile."""
    renewed = await tx.execute(
        update(PasswordRow)
        .where(PasswordRow.user_id == user_id, PasswordRow.encoded == old)
        .values(encoded=new, update_time=now)
        .returning(PasswordRow.user_id)
        .execution_options(**_UNSYNCHRONIZED)
    )
    return renewed.first() is not None


async def is_still_valid(tx: Transaction, user_id: UUID, encoded: str) -> bool:
    """Whether the account is active and its password `encoded`; neither changes until `tx` ends."""
    return await tx.pg.fetchval(_STILL_VALID, user_id, encoded, ACTIVE) is not None


# Sessions


async def open_session(tx: Transaction, session: SessionRow, encoded: str) -> bool:
    """Inserts a session if its account is active and has the password `encoded` and no factor.

    State and password do not change until `tx` ends.
    """
    values = (getattr(session, name) for name in _SESSION_COLUMNS)
    opened = await tx.pg.fetchval(_OPEN_SESSION, session.user_id, encoded, ACTIVE, *values)
    return opened is not None


async def add_session(tx: Transaction, session: SessionRow) -> None:
    """Inserts a session."""
    await tx.pg.execute(_ADD_SESSION, *(getattr(session, name) for name in _SESSION_COLUMNS))


async def session(tx: Transaction, session_id: UUID) -> SessionRow | None:
    """The session of this id, live or not."""
    return await tx.get(SessionRow, session_id)


async def session_id_by_cookie(tx: Transaction, cookie_hash: bytes) -> UUID | None:
    """The id of the session that a cookie names."""
    found: UUID | None = await tx.scalar(
        select(SessionRow.session_id).where(SessionRow.cookie_hash == cookie_hash)
    )
    return found


async def lock_session(tx: Transaction, session_id: UUID) -> SessionRow | None:
    """The session of this id, which nobody else can change until `tx` ends."""
    found: SessionRow | None = await tx.scalar(
        select(SessionRow).where(SessionRow.session_id == session_id).with_for_update()
    )
    return found


async def live_sessions(
    tx: Transaction,
    user_id: UUID,
    *,
    now: datetime,
    used_since: datetime,
    after: Position | None,
    size: int,
) -> list[SessionRow]:
    """Up to `size` live sessions of a user, the most recently used first."""
    query = (
        select(SessionRow)
        .where(
            SessionRow.user_id == user_id,
            SessionRow.revoke_time.is_(None),
            SessionRow.expire_time > now,
            SessionRow.last_use_time > used_since,
        )
        .order_by(SessionRow.last_use_time.desc(), SessionRow.session_id.desc())
        .limit(size)
    )
    if after is not None:
        place = tuple_(SessionRow.last_use_time, SessionRow.session_id)
        query = query.where(place < tuple_(after.moment, after.id))
    return list((await tx.scalars(query)).all())


async def rotate_refresh(tx: Transaction, session_id: UUID, now: datetime) -> None:
    """Gives the turn to the next refresh token of a session."""
    await tx.execute(
        update(SessionRow)
        .where(SessionRow.session_id == session_id)
        .values(
            refresh_generation=SessionRow.refresh_generation + 1,
            rotate_time=now,
            last_use_time=func.greatest(SessionRow.last_use_time, now),
        )
        .execution_options(**_UNSYNCHRONIZED)
    )


async def renew_proof(
    tx: Transaction, session_id: UUID, methods: Sequence[str], now: datetime
) -> None:
    """Notes that the user of a session has proved who they are anew, and how."""
    await tx.execute(
        update(SessionRow)
        .where(SessionRow.session_id == session_id)
        .values(amr=list(methods), proof_time=now)
        .execution_options(**_UNSYNCHRONIZED)
    )
    announce(tx, "session", str(session_id))


async def revoke_session(
    tx: Transaction, user_id: UUID, session_id: UUID, *, now: datetime, reason: str
) -> bool:
    """Ends a session of a user. False when it is not live, or not theirs."""
    return bool(
        await _revoke(
            tx,
            SessionRow.user_id == user_id,
            SessionRow.session_id == session_id,
            now=now,
            reason=reason,
        )
    )


async def revoke_sessions(
    tx: Transaction, user_id: UUID, *, but: UUID | None, now: datetime, reason: str
) -> int:
    """Ends every session of a user, except for `but`. Returns how many there were."""
    conditions = [SessionRow.user_id == user_id]
    if but is not None:
        conditions.append(SessionRow.session_id != but)
    return await _revoke(tx, *conditions, now=now, reason=reason)


async def revoke_bound_sessions(
    tx: Transaction, user_id: UUID, certificate: str, *, now: datetime, reason: str
) -> int:
    """Ends the sessions of a user that are bound to a certificate. Returns how many there were."""
    return await _revoke(
        tx,
        SessionRow.user_id == user_id,
        SessionRow.certificate == certificate,
        now=now,
        reason=reason,
    )


async def touch(tx: Transaction, uses: Mapping[UUID, datetime]) -> None:
    """Notes when sessions were last used."""
    ordered = sorted(uses.items())
    await tx.pg.execute(_TOUCH, [each for each, _ in ordered], [at for _, at in ordered])


async def _revoke(
    tx: Transaction, *conditions: ColumnElement[bool], now: datetime, reason: str
) -> int:
    ended = await tx.scalars(
        update(SessionRow)
        .where(SessionRow.revoke_time.is_(None), SessionRow.expire_time > now, *conditions)
        .values(revoke_time=now, revoke_reason=reason)
        .returning(SessionRow.session_id)
        .execution_options(**_UNSYNCHRONIZED)
    )
    count = 0
    for session_id in ended:
        announce(tx, "session", str(session_id))
        count += 1
    return count


# One-time tokens


async def add_token(tx: Transaction, token: OneTimeTokenRow) -> None:
    """Inserts a one-time token."""
    columns = OneTimeTokenRow.__table__.columns
    row: dict[str, Any] = {c.key: getattr(token, c.key) for c in columns}
    await tx.execute(insert(OneTimeTokenRow).values(row))


async def token(tx: Transaction, token_id: UUID) -> OneTimeTokenRow | None:
    """The token of this id, used or not."""
    return await tx.get(OneTimeTokenRow, token_id)


async def token_owner(
    tx: Transaction, token_hash: bytes, purpose: Purpose, now: datetime
) -> UUID | None:
    """Whose token this is, if it would work now."""
    owner: UUID | None = await tx.scalar(
        select(OneTimeTokenRow.user_id).where(
            OneTimeTokenRow.token_hash == token_hash,
            OneTimeTokenRow.purpose == purpose,
            OneTimeTokenRow.consume_time.is_(None),
            OneTimeTokenRow.expire_time > now,
        )
    )
    return owner


async def consume_token(
    tx: Transaction, token_hash: bytes, purpose: Purpose, now: datetime
) -> OneTimeTokenRow | None:
    """Uses a token up. None when it is unknown, used, superseded or expired; one caller wins."""
    consumed: OneTimeTokenRow | None = await tx.scalar(
        update(OneTimeTokenRow)
        .where(
            OneTimeTokenRow.token_hash == token_hash,
            OneTimeTokenRow.purpose == purpose,
            OneTimeTokenRow.consume_time.is_(None),
            OneTimeTokenRow.expire_time > now,
        )
        .values(consume_time=now)
        .returning(OneTimeTokenRow)
        .execution_options(**_UNSYNCHRONIZED)
    )
    return consumed


async def sign_up_networks(tx: Transaction, user_id: UUID, since: datetime) -> set[str]:
    """Where the sign-ups to an account came from lately, whatever became of their links."""
    found = await tx.scalars(
        select(OneTimeTokenRow.network).where(
            OneTimeTokenRow.user_id == user_id,
            OneTimeTokenRow.purpose == Purpose.VERIFY_EMAIL,
            OneTimeTokenRow.encoded.is_not(None),
            OneTimeTokenRow.create_time > since,
        )
    )
    return {network or "" for network in found}


async def newest_open_token(
    tx: Transaction, user_id: UUID, purpose: Purpose
) -> OneTimeTokenRow | None:
    """The newest token of this kind that was not used, expired or not."""
    found: OneTimeTokenRow | None = await tx.scalar(
        select(OneTimeTokenRow)
        .where(
            OneTimeTokenRow.user_id == user_id,
            OneTimeTokenRow.purpose == purpose,
            OneTimeTokenRow.consume_time.is_(None),
        )
        .order_by(OneTimeTokenRow.token_id.desc())
        .limit(1)
    )
    return found


async def void_tokens(tx: Transaction, user_id: UUID, *purposes: Purpose, now: datetime) -> None:
    """Makes sure that no token of these kinds works any more."""
    await tx.execute(
        update(OneTimeTokenRow)
        .where(
            OneTimeTokenRow.user_id == user_id,
            OneTimeTokenRow.purpose.in_(purposes),
            OneTimeTokenRow.consume_time.is_(None),
        )
        .values(consume_time=now)
        .execution_options(**_UNSYNCHRONIZED)
    )
