"""PostgreSQL: one pool, transactions, and what happens when it is away."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from server import errors

APPLICATION_ROLE = "limen_app"
"""The role that requests run under: it can neither change nor delete audit rows."""

_RETRY_AFTER = 1.0
_CHANGES = "changes"

Transaction = AsyncSession
"""A database transaction. It commits when its block ends and rolls back when the block raises."""


class Database:
    """The pool of connections to PostgreSQL.

    A service opens a transaction; repositories work inside it. When no connection can be had within
    `pool_timeout` seconds, or the server is away, the caller sees `errors.Unavailable`.
    """

    def __init__(self, *, url: str, pool: int, pool_timeout: float, name: str) -> None:
        self._engine = create_async_engine(
            url,
            pool_size=pool,
            max_overflow=0,
            pool_timeout=pool_timeout,
            pool_pre_ping=True,
            pool_use_lifo=True,
            connect_args={
                "timeout": 3,
                "server_settings": {
                    "application_name": name,
                    "role": APPLICATION_ROLE,
                    "timezone": "UTC",
                    "statement_timeout": "60s",
                    "idle_in_transaction_session_timeout": "60s",
                },
            },
        )
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._listeners: list[Callable[[str, str], None]] = []

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Opens a transaction.

        Changes announced inside it with `announce` reach the listeners of this process as soon as
        it has committed, so that a process never contradicts its own answer.

        Raises `errors.Unavailable` when PostgreSQL is away or its pool is exhausted.
        """
        with _outages_named():
            async with self._sessions() as session, session.begin():
                yield session
        for kind, key in session.info.get(_CHANGES, ()):
            self.apply(kind, key)

    def on_change(self, listener: Callable[[str, str], None]) -> None:
        """Calls `listener(kind, key)` after each change that is announced or heard of."""
        self._listeners.append(listener)

    def apply(self, kind: str, key: str) -> None:
        """Tells the listeners of this process about a change."""
        for listener in self._listeners:
            listener(kind, key)

    async def ping(self) -> None:
        """Makes one round trip. Raises `errors.Unavailable` when that fails."""
        async with self.transaction() as tx:
            await tx.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Closes every connection."""
        await self._engine.dispose()


def announce(tx: Transaction, kind: str, key: str) -> None:
    """Notes that a row is being changed by `tx`; told to this process when it commits.

    Other processes hear of it through the triggers of the tables (`platform.changes`).
    """
    tx.info.setdefault(_CHANGES, []).append((kind, key))


@contextlib.contextmanager
def _outages_named() -> Iterator[None]:
    try:
        yield
    except (PoolTimeoutError, OSError) as error:
        raise errors.Unavailable(retry_after=_RETRY_AFTER) from error
    except DBAPIError as error:
        if error.connection_invalidated or is_outage(error.orig):
            raise errors.Unavailable(retry_after=_RETRY_AFTER) from error
        raise


def is_outage(error: BaseException | None) -> bool:
    """Whether an error means that PostgreSQL cannot do now what it may do in a moment.

    It is away, starting, stopping or full, or two transactions got in each other's way.
    """
    cause = error.__cause__ if error is not None else None
    return any(
        isinstance(
            each,
            asyncpg.PostgresConnectionError
            | asyncpg.CannotConnectNowError
            | asyncpg.AdminShutdownError
            | asyncpg.CrashShutdownError
            | asyncpg.TooManyConnectionsError
            | asyncpg.DiskFullError
            | asyncpg.DeadlockDetectedError
            | asyncpg.SerializationError
            | asyncpg.InterfaceError
            | OSError,
        )
        for each in (error, cause)
    )


def connection_arguments(url: str) -> dict[str, Any]:
    """The same server and database as `url`, in the words of `asyncpg.connect`."""
    parts = make_url(url)
    host = parts.host or parts.query.get("host")
    return {
        "host": host,
        "port": parts.port,
        "user": parts.username,
        "password": parts.password,
        "database": parts.database,
    }
