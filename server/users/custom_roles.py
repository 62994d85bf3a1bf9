"""Roles that administrators make of the permissions that the contract declares."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from server import errors
from server.audit import recorder
from server.audit.actions import Action
from server.audit.recorder import Event, Recorder
from server.caller import Caller
from server.platform.clock import Clock
from server.platform.database import Database, Transaction, announce
from server.users import role_repository
from server.users.roles import Role, Roles

_MUTABLE = frozenset({"description", "permissions"})


class CustomRoles:
    """Makes, changes and deletes roles. Every change writes its audit event in its transaction."""

    def __init__(
        self, *, database: Database, recorder: Recorder, roles: Roles, clock: Clock
    ) -> None:
        self._database = database
        self._recorder = recorder
        self._roles = roles
        self._clock = clock

    async def listed(self) -> list[Role]:
        """All roles, built-in and custom, by name."""
        async with self._database.transaction() as tx:
            custom = await role_repository.every(tx)
        return sorted([*self._roles.built_in(), *custom], key=lambda role: role.name)

    async def create(self, caller: Caller, role: Role) -> Role:
        """Makes a role.

        Raises `errors.AlreadyExists`, `errors.PermissionDenied` for a permission that the caller
        does not hold, and `errors.InvalidRequest` for one that there is not.
        """
        await self._check_may_give(caller, Action.CREATE_ROLE, role.permissions)
        async with self._database.transaction() as tx:
            is_new = self._roles.named(role.name) is None and await role_repository.add(
                tx, role, self._clock.now()
            )
            if not is_new:
                raise errors.AlreadyExists(
                    faults=[errors.Fault("role.name", "role.name.taken")], resource="role"
                )
            await self._record(tx, caller, Action.CREATE_ROLE, role)
        return role

    async def update(self, caller: Caller, name: str, changes: Mapping[str, object]) -> Role:
        """Sets the named fields of a role. Whoever holds it has the new permissions at once.

        Raises `errors.NotFound`, `errors.BuiltInRole`, `errors.PermissionDenied` and
        `errors.InvalidRequest` as `create` does.
        """
        _check_mask(changes)
        await self._check_may_give(
            caller, Action.UPDATE_ROLE, _names(changes.get("permissions", ()))
        )
        async with self._database.transaction() as tx:
            role = _changed(await self._lock(tx, name), changes)
            await role_repository.change(tx, role, self._clock.now())
            await self._record(tx, caller, Action.UPDATE_ROLE, role)
        return role

    async def delete(self, caller: Caller, name: str) -> None:
        """Deletes a role and takes it from those who hold it.

        Raises `errors.NotFound` and `errors.BuiltInRole`.
        """
        async with self._database.transaction() as tx:
            role = await self._lock(tx, name)
            await role_repository.delete(tx, name, self._clock.now())
            await self._record(tx, caller, Action.DELETE_ROLE, role)

    async def _lock(self, tx: Transaction, name: str) -> Role:
        if self._roles.named(name) is not None:
            raise errors.BuiltInRole
        role = await role_repository.find(tx, name, lock=True)
        if role is None:
            raise errors.NotFound(resource="role")
        return role

    async def _check_may_give(
        self, caller: Caller, action: Action, permissions: Iterable[str]
    ) -> None:
        """Nobody can give what they do not hold, be it through a role of their own making."""
        unknown = self._roles.unknown(permissions)
        if unknown:
            raise errors.InvalidRequest(
                faults=[
                    errors.Fault("role.permissions", "role.permission.unknown", {"name": name})
                    for name in unknown
                ]
            )
        missing = sorted(name for name in permissions if not caller.may(name))
        if missing:
            await self._recorder.denied(caller, action)
            raise errors.PermissionDenied(permission=missing[0])

    async def _record(self, tx: Transaction, caller: Caller, action: Action, role: Role) -> None:
        announce(tx, "role", role.name)
        event = Event(
            action,
            subject=recorder.role(role.name),
            details={"permissions": " ".join(sorted(role.permissions))},
        )
        await self._recorder.record(tx, caller, event)


def _check_mask(changes: Mapping[str, object]) -> None:
    immutable = sorted(set(changes) - _MUTABLE)
    if immutable:
        raise errors.InvalidRequest(
            faults=[errors.Fault("update_mask", "mask.immutable", {"name": n}) for n in immutable]
        )


def _changed(role: Role, changes: Mapping[str, object]) -> Role:
    setters: Mapping[str, Callable[[Role, object], Role]] = {
        "description": lambda role, value: replace(role, description=str(value)),
        "permissions": lambda role, value: replace(role, permissions=_names(value)),
    }
    for name, value in changes.items():
        role = setters[name](role, value)
    return role


def _names(value: object) -> frozenset[str]:
    if not isinstance(value, Iterable):
        raise TypeError("permissions are a list")
    return frozenset(str(name) for name in value)
