"""The built-in roles, over the permissions that the contract declares."""

from collections.abc import Iterable
from dataclasses import dataclass

ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of permissions."""

    name: str
    description: str
    permissions: frozenset[str]


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

SERVICE_PERMISSIONS = frozenset({"tokens.introspect"})
"""Permissions that services check themselves, beyond those that the contract declares."""


class Roles:
    """The roles that can be granted."""

    def __init__(self, *, permissions: frozenset[str]) -> None:
        every = permissions | SERVICE_PERMISSIONS
        admin = Role(ADMIN, "Administers limen: may do everything.", every)
        self._roles = {role.name: role for role in (admin, *_NARROWER)}
        unknown = frozenset().union(*(role.permissions for role in _NARROWER)) - every
        if unknown:
            raise ValueError(f"roles hold permissions that the contract lacks: {sorted(unknown)}")

    def named(self, name: str) -> Role | None:
        """The role of this name, if there is one."""
        return self._roles.get(name)

    def listed(self) -> list[Role]:
        """All roles, by name."""
        return sorted(self._roles.values(), key=lambda role: role.name)

    def permissions(self, names: Iterable[str]) -> frozenset[str]:
        """What the holder of these roles may do."""
        return frozenset().union(
            *(self._roles[name].permissions for name in names if name in self._roles)
        )
