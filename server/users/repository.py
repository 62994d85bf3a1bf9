"""Accounts in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from asyncpg import Record
from sqlalchemy import ColumnElement, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert

from server.platform.database import Transaction, announce
from server.users.model import ACTIVE, PERSON, RoleGrantRow, UserRow


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Account:
    """A user with the roles they hold, sorted. Equal to itself alone."""

    user: UserRow
    roles: tuple[str, ...]
    granted: frozenset[str] = frozenset()
    """The permissions of the custom roles among them; not read for lists of accounts."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """An account that is created among many."""

    user_id: UUID
    email: str
    email_key: str
    email_verified: bool
    display_name: str
    locale: str


_COLUMNS = tuple(column.key for column in UserRow.__table__.columns)
ACCOUNT = f"""
    SELECT {", ".join(_COLUMNS)}, ARRAY(
        SELECT role FROM users.role_grants AS held WHERE held.user_id = users.user_id ORDER BY role
    ) AS roles, ARRAY(
        SELECT unnest(known.permissions)
        FROM users.role_grants AS held JOIN users.roles AS known ON known.name = held.role
        WHERE held.user_id = users.user_id
    ) AS granted
    FROM users.users AS users
"""  # noqa: S608 - made of column names
"""Selects what `account` reads, for statements that ask for more besides."""

_ROLES = (
    select(func.array_agg(aggregate_order_by(RoleGrantRow.role, RoleGrantRow.role)))
    .where(RoleGrantRow.user_id == UserRow.user_id)
    .scalar_subquery()
)


_ADD_MANY = """
    INSERT INTO users.users (user_id, email, email_key, email_verified, display_name, locale,
        state, kind, version, create_time, update_time)
    SELECT new.*, $7, $8, 1, $9, $9
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[], $5::text[], $6::text[]) AS new
    ON CONFLICT ON CONSTRAINT users_email_key DO NOTHING RETURNING user_id
"""


async def find(tx: Transaction, user_id: UUID) -> Account | None:
    """The account of this id."""
    return _found(await tx.pg.fetchrow(f"{ACCOUNT} WHERE user_id = $1", user_id))


async def find_by_email(tx: Transaction, email_key: str) -> Account | None:
    """The account with this address."""
    return _found(await tx.pg.fetchrow(f"{ACCOUNT} WHERE email_key = $1", email_key))


async def lock(tx: Transaction, user_id: UUID) -> Account | None:
    """The account of this id, which nobody else can change until `tx` ends."""
    held = select(UserRow.user_id).where(UserRow.user_id == user_id).with_for_update()
    if (await tx.execute(held)).first() is None:
        return None
    return await find(tx, user_id)


async def add(tx: Transaction, user: UserRow) -> bool:
    """Inserts an account. False when its address is taken."""
    values = {column.key: getattr(user, column.key) for column in UserRow.__table__.columns}
    added = insert(UserRow).values(values).on_conflict_do_nothing(constraint="users_email_key")
    return (await tx.execute(added.returning(UserRow.user_id))).first() is not None


async def add_many(tx: Transaction, users: Sequence[Newcomer], now: datetime) -> list[UUID]:
    """Inserts accounts, but for those whose address is taken, and returns the ids inserted.

    Of several with the same address the first is inserted.
    """
    # In one order everywhere, so that two of these never wait for each other.
    rows = sorted(users, key=lambda user: user.email_key)
    columns = (
        [getattr(user, name) for user in rows]
        for name in ("user_id", "email", "email_key", "email_verified", "display_name", "locale")
    )
    inserted = await tx.pg.fetch(_ADD_MANY, *columns, ACTIVE, PERSON, now)
    return [record["user_id"] for record in inserted]


async def email_is_taken(tx: Transaction, email_key: str, *, by_other_than: UUID) -> bool:
    """Whether another account has this address."""
    taken = exists().where(UserRow.email_key == email_key, UserRow.user_id != by_other_than)
    return bool(await tx.scalar(select(taken)))


async def change(tx: Transaction, user_id: UUID, now: datetime, **values: object) -> None:
    """Sets columns of an account and moves its version on."""
    await tx.execute(
        update(UserRow)
        .where(UserRow.user_id == user_id)
        .values(**values, version=UserRow.version + 1, update_time=now)
        .execution_options(synchronize_session=False)
    )
    announce(tx, "user", str(user_id))


async def grant(tx: Transaction, user_id: UUID, role: str, now: datetime) -> bool:
    """Gives a role. False when it was held already."""
    added = (
        insert(RoleGrantRow)
        .values(user_id=user_id, role=role, grant_time=now)
        .on_conflict_do_nothing()
        .returning(RoleGrantRow.role)
    )
    return (await tx.execute(added)).first() is not None


async def revoke(tx: Transaction, user_id: UUID, role: str) -> bool:
    """Takes a role. False when it was not held."""
    taken = (
        delete(RoleGrantRow)
        .where(RoleGrantRow.user_id == user_id, RoleGrantRow.role == role)
        .returning(RoleGrantRow.role)
    )
    return (await tx.execute(taken)).first() is not None


async def lock_holders(tx: Transaction, role: str) -> set[UUID]:
    """The active people who hold a role; their grants cannot change until `tx` ends."""
    held = (
        select(RoleGrantRow.user_id)
        .where(RoleGrantRow.role == role)
        .order_by(RoleGrantRow.user_id)
        .with_for_update()
    )
    holders = set((await tx.scalars(held)).all())
    active = select(UserRow.user_id).where(
        UserRow.user_id.in_(holders), UserRow.state == ACTIVE, UserRow.kind == PERSON
    )
    return set((await tx.scalars(active)).all())


async def page(
    tx: Transaction, *, conditions: Sequence[ColumnElement[bool]], after: UUID | None, size: int
) -> list[Account]:
    """Up to `size` accounts that meet all conditions, in the order of their ids."""
    query = select(UserRow, _ROLES).where(*conditions).order_by(UserRow.user_id).limit(size)
    if after is not None:
        query = query.where(UserRow.user_id > after)
    return [Account(user, tuple(roles or ())) for user, roles in await tx.execute(query)]


async def count(tx: Transaction) -> int:
    """How many accounts there are."""
    return await tx.scalar(select(func.count()).select_from(UserRow)) or 0


def account(record: Record) -> Account:
    """The account in a row of `ACCOUNT`, which may have other columns as well."""
    user = UserRow(**{name: record[name] for name in _COLUMNS})
    return Account(user, tuple(record["roles"]), frozenset(record["granted"]))


def _found(record: Record | None) -> Account | None:
    return None if record is None else account(record)
