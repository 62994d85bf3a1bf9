"""Databases for tests: made from a migrated template, thrown away afterwards."""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import asyncpg

from server.platform.database import connection_arguments

_ONE_AT_A_TIME = 0x7465737473
"""An advisory lock: revisions make roles, which all databases of a server share."""


class Databases:
    """Makes databases on one PostgreSQL server.

    `url_of` gives the URL of a database of the server, for a login that may make databases; `run`
    runs a coroutine to its end.
    """

    def __init__(
        self, *, url_of: Callable[[str], str], run: Callable[[Awaitable[Any]], Any]
    ) -> None:
        self._url_of = url_of
        self._run = run
        self._template: str | None = None

    @contextlib.contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a database without a schema, for as long as the block lasts."""
        with self._database() as name:
            yield self._url_of(name)

    @contextlib.contextmanager
    def migrated(self) -> Iterator[str]:
        """The URL of a database with the newest schema, for as long as the block lasts."""
        if self._template is None:
            self._template = self._make("")
            self._run(self._migrate(self._template))
        with self._database(f"TEMPLATE {self._template}") as name:
            yield self._url_of(name)

    def close(self) -> None:
        """Drops the template."""
        if self._template is not None:
            self._drop(self._template)

    @contextlib.contextmanager
    def _database(self, source: str = "") -> Iterator[str]:
        name = self._make(source)
        try:
            yield name
        finally:
            self._drop(name)

    def _make(self, source: str) -> str:
        name = f"limen_test_{secrets.token_hex(6)}"
        self._run(self._execute(f"CREATE DATABASE {name} {source}"))
        return name

    def _drop(self, name: str) -> None:
        self._run(self._execute(f"DROP DATABASE {name} WITH (FORCE)"))

    async def _migrate(self, name: str) -> None:
        # Not at the top: tests that need no database do not wait for alembic.
        from server.platform import migrations

        connection = await self._connect()
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", _ONE_AT_A_TIME)
            await migrations.upgrade(self._url_of(name))
        finally:
            await connection.close()

    async def _execute(self, statement: str) -> None:
        connection = await self._connect()
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def _connect(self) -> Any:
        return await asyncpg.connect(**connection_arguments(self._url_of("postgres")))


def can_connect(url: str) -> bool:
    """Whether a PostgreSQL lets us in there without being asked for a password."""

    async def attempt() -> None:
        connection = await asyncpg.connect(**connection_arguments(url), timeout=1)
        await connection.close()

    try:
        asyncio.run(attempt())
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True
