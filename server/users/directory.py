"""Accounts at hand: what most calls need to know of a user, without a query."""

from collections.abc import Callable
from uuid import UUID

from server.platform.database import Database
from server.platform.remembered import Remembered
from server.users import repository
from server.users.repository import Account

_CAPACITY = 20_000


class Directory:
    """Remembers accounts in this process for as long as they do not change."""

    def __init__(self, *, database: Database, may_keep: Callable[[], bool]) -> None:
        self._database = database
        self._accounts: Remembered[UUID, Account] = Remembered(
            load=self._load, may_keep=may_keep, capacity=_CAPACITY
        )
        database.on_change(self._changed)

    async def account(self, user_id: UUID) -> Account | None:
        """The account of this id."""
        return self._accounts.known(user_id) or await self._accounts.get(user_id)

    def forget_all(self) -> None:
        """Drops everything remembered."""
        self._accounts.forget_all()

    async def _load(self, user_id: UUID) -> Account | None:
        async with self._database.transaction() as tx:
            return await repository.find(tx, user_id)

    def _changed(self, kind: str, key: str) -> None:
        if kind == "user":
            self._accounts.forget(UUID(key))
        elif kind == "role":
            # Who holds the role is not known here, and roles seldom change.
            self._accounts.forget_all()
