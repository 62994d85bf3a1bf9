"""Statements over custom roles."""

from datetime import datetime

from sqlalchemy import delete as delete_from
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from server.platform.database import Transaction, announce
from server.users.model import RoleGrantRow, RoleRow, UserRow
from server.users.roles import Role


async def every(tx: Transaction) -> list[Role]:
    """All custom roles, by name. There are few."""
    return [_role(row) for row in await tx.scalars(select(RoleRow).order_by(RoleRow.name))]


async def find(tx: Transaction, name: str, *, lock: bool = False) -> Role | None:
    """The custom role of this name; with `lock` nobody else can change it until `tx` ends."""
    query = select(RoleRow).where(RoleRow.name == name)
    row: RoleRow | None = await tx.scalar(query.with_for_update() if lock else query)
    return _role(row) if row else None


async def add(tx: Transaction, role: Role, now: datetime) -> bool:
    """Inserts a role. False when its name is taken."""
    added = (
        insert(RoleRow)
        .values(
            name=role.name,
            description=role.description,
            permissions=sorted(role.permissions),
            create_time=now,
            update_time=now,
        )
        .on_conflict_do_nothing()
        .returning(RoleRow.name)
    )
    return (await tx.execute(added)).first() is not None


async def change(tx: Transaction, role: Role, now: datetime) -> None:
    """Stores the description and the permissions of a role."""
    await tx.execute(
        update(RoleRow)
        .where(RoleRow.name == role.name)
        .values(
            description=role.description,
            permissions=sorted(role.permissions),
            update_time=now,
        )
        .execution_options(synchronize_session=False)
    )


async def delete(tx: Transaction, name: str, now: datetime) -> None:
    """Deletes a role and its grants. The accounts that held it have changed by that."""
    taken = await tx.scalars(
        delete_from(RoleGrantRow).where(RoleGrantRow.role == name).returning(RoleGrantRow.user_id)
    )
    holders = list(taken)
    if holders:
        await tx.execute(
            update(UserRow)
            .where(UserRow.user_id.in_(holders))
            .values(version=UserRow.version + 1, update_time=now)
            .execution_options(synchronize_session=False)
        )
    for user_id in holders:
        announce(tx, "user", str(user_id))
    await tx.execute(delete_from(RoleRow).where(RoleRow.name == name))


def _role(row: RoleRow) -> Role:
    return Role(row.name, row.description, frozenset(row.permissions), is_built_in=False)
