"""Asking PostgreSQL whether limen can work with it."""

import asyncio

import asyncpg

from server import errors
from server.platform.database import APPLICATION_ROLE, connection_arguments

_CONNECT_SECONDS = 2.0
_RETRY_AFTER = 1.0
_HAS_SCHEMA = "SELECT to_regclass('auth.signing_keys') IS NOT NULL"


class Probe:
    """Looks over a connection of its own: a pool that is busy does not mean that nobody answers."""

    def __init__(self, *, url: str, name: str) -> None:
        self._arguments = connection_arguments(url)
        self._name = name
        self._connection: asyncpg.Connection | None = None

    async def look(self) -> None:
        """Raises `errors.Unavailable` unless PostgreSQL answers and has limen's schema."""
        try:
            if self._connection is None:
                self._connection = await self._connect()
            has_schema = await self._connection.fetchval(_HAS_SCHEMA)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            self.close()
            raise errors.Unavailable(retry_after=_RETRY_AFTER) from error
        except asyncio.CancelledError:
            # Whoever asked has waited long enough, so the connection is as good as dead.
            self.close()
            raise
        if not has_schema:
            raise errors.Unavailable(retry_after=_RETRY_AFTER)

    def close(self) -> None:
        """Closes the connection, if there is one."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _connect(self) -> asyncpg.Connection:
        # As the requests do: the role comes with the schema, and without it nothing works.
        settings = {"application_name": self._name, "role": APPLICATION_ROLE}
        return await asyncpg.connect(
            **self._arguments, timeout=_CONNECT_SECONDS, server_settings=settings
        )
