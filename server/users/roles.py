"""The built-in roles, over the permissions that the contract declares, and what roles amount to."""

from collections.abc import Iterable
from dataclasses import dataclass

from server.users.repository import Account

ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of permissions."""

    name: str
    description: str
    permissions: frozenset[str]
    is_built_in: bool = True


_NARROWER = (
    Role(
        "auditor",
        "Reads the audit log, and nothing else.",
        frozenset({"audit.read"}),
    ),
    Role(
        "service",
        "For other services: checks tokens and writes to the audit log.",
        frozenset({"tokens.introspect", "audit.write"}),
    ),
    Role(
        "support",
        "Finds users, and disables, enables and unlocks them.",
        frozenset({"users.read", "users.disable", "roles.read"}),
    ),
)


class Roles:
    """The built-in roles. Custom ones are rows, and come along with the accounts that hold them."""

    def __init__(self, *, permissions: frozenset[str]) -> None:
        self._every = permissions
        admin = Role(ADMIN, "Administers limen: may do everything.", permissions)
        self._roles = {role.name: role for role in (admin, *_NARROWER)}
        unknown = frozenset().union(*(role.permissions for role in _NARROWER)) - permissions
        if unknown:
            raise ValueError(f"roles hold permissions that the contract lacks: {sorted(unknown)}")

    def named(self, name: str) -> Role | None:
        """The built-in role of this name, if there is one."""
        return self._roles.get(name)

    def built_in(self) -> list[Role]:
        """The built-in roles."""
        return list(self._roles.values())

    def unknown(self, permissions: Iterable[str]) -> list[str]:
        """Those of the permissions that the contract does not declare, sorted."""
        return sorted(set(permissions) - self._every)

    def of(self, account: Account) -> frozenset[str]:
        """What the holder of an account may do: the permissions of all roles that it holds.

        A permission that the contract has dropped since a custom role was made counts for nothing.
        """
        built_in = (self._roles[name].permissions for name in account.roles if name in self._roles)
        return account.granted.union(*built_in) & self._every
