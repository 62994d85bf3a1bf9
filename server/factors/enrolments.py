"""Who has a factor: asked before every call that needs as much assurance as somebody can give."""

from uuid import UUID

from server.factors import repository
from server.platform.database import Database


class Enrolments:
    """Fulfils `server.interceptors.access.Enrolments`."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def has_factor(self, user_id: UUID) -> bool:
        """Whether a user could show a second factor."""
        async with self._database.transaction() as tx:
            return await repository.has_factor(tx, user_id)
