"""PostgreSQL: one pool, transactions, and what happens when it is away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import asyncpg
from sqlalchemy import Connection, PoolProxiedConnection, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, EmulatedDBAPIException, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.util import greenlet_spawn

from server import errors

APPLICATION_ROLE = "limen_app"
"""The role that requests run under: it can neither change nor delete audit rows."""

_RETRY_AFTER = 1.0
_STATEMENT_SECONDS = 15
_CHANGES = "changes"


class Transaction(AsyncSession):
    """A database transaction. It commits when its block ends and rolls back when the block raises.

    Statements go through SQLAlchemy, or, where a call is frequent, straight to the connection
    `pg`: the same statement costs a sixth of the processor time there. Both are one transaction.
    """

    def __init__(self, engine: AsyncEngine, pooled: PoolProxiedConnection) -> None:
        super().__init__(expire_on_commit=False)
        self.sync_session.bind = Connection(engine.sync_engine, pooled)
        self.pg = _driver(pooled)


class Database:
    """The pool of connections to PostgreSQL.

    A service opens a transaction; repositories work inside it. When no connection can be had within
    `pool_timeout` seconds, or the server is away, the caller sees `errors.Unavailable`.
    """

    def __init__(self, *, url: str, pool: int, pool_timeout: float, name: str) -> None:
        self._engine = create_async_engine(
            url,
            # Transactions are begun here, on the connection itself, so SQLAlchemy must not.
            isolation_level="AUTOCOMMIT",
            pool_size=pool,
            max_overflow=0,
            pool_timeout=pool_timeout,
            pool_use_lifo=True,
            # For the same reason there is nothing to roll back when a connection is returned.
            pool_reset_on_return=None,
            hide_parameters=True,
            connect_args={
                "timeout": 3,
                "command_timeout": _STATEMENT_SECONDS,
                "server_settings": {
                    "application_name": name,
                    "role": APPLICATION_ROLE,
                    "timezone": "UTC",
                    "statement_timeout": f"{_STATEMENT_SECONDS}s",
                    "idle_in_transaction_session_timeout": "60s",
                },
            },
        )
        event.listen(self._engine.sync_engine, "checkout", _refuse_closed)
        self._listeners: list[Callable[[str, str], None]] = []

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Opens a transaction.

        Changes announced inside it with `announce` reach the listeners of this process as soon as
        it has committed, so that a process never contradicts its own answer.

        Raises `errors.Unavailable` when PostgreSQL is away or its pool is exhausted.
        """
        async with self._pooled() as pooled:
            tx = Transaction(self._engine, pooled)
            async with _begun(tx.pg):
                try:
                    yield tx
                finally:
                    # Most have never gone through SQLAlchemy, and need no end there.
                    if tx.in_transaction():
                        await tx.close()
        for kind, key in tx.info.get(_CHANGES, ()):
            self.apply(kind, key)

    @contextlib.asynccontextmanager
    async def statements(self) -> AsyncIterator[asyncpg.Connection]:
        """Opens a connection without a transaction: each statement stands for itself.

        It has committed when it returns. Raises what `transaction` raises.
        """
        async with self._pooled() as pooled:
            yield _driver(pooled)

    def on_change(self, listener: Callable[[str, str], None]) -> None:
        """Calls `listener(kind, key)` after each change that is announced or heard of."""
        self._listeners.append(listener)

    def apply(self, kind: str, key: str) -> None:
        """Tells the listeners of this process about a change."""
        for listener in self._listeners:
            listener(kind, key)

    async def ping(self) -> None:
        """Makes one round trip. Raises `errors.Unavailable` when that fails."""
        async with self.statements() as pg:
            await pg.execute("SELECT 1")

    async def close(self) -> None:
        """Closes every connection."""
        await self._engine.dispose()

    @contextlib.asynccontextmanager
    async def _pooled(self) -> AsyncIterator[PoolProxiedConnection]:
        with _outages_named():
            pooled = await self._engine.raw_connection()
            try:
                async with _abandoned_when_cancelled(pooled):
                    yield pooled
            finally:
                if pooled.is_valid:
                    pooled.close()


def insertion(table: type[DeclarativeBase]) -> tuple[tuple[str, ...], str]:
    """The columns of a table, and the statement that inserts a row given in that order."""
    columns = tuple(column.key for column in table.__table__.columns)
    places = ", ".join(f"${number}" for number, _ in enumerate(columns, start=1))
    into = table.__table__.fullname  # type: ignore[attr-defined]  # rows are tables, not joins
    names = ", ".join(columns)
    return columns, f"INSERT INTO {into} ({names}) VALUES ({places})"  # noqa: S608 - made of names


def announce(tx: Transaction, kind: str, key: str) -> None:
    """Notes that a row is being changed by `tx`; told to this process when it commits.

    Other processes hear of it through the triggers of the tables (`platform.changes`).
    """
    tx.info.setdefault(_CHANGES, []).append((kind, key))


@contextlib.asynccontextmanager
async def _begun(pg: asyncpg.Connection) -> AsyncIterator[None]:
    transaction = pg.transaction()
    try:
        await transaction.start()
        try:
            yield
        except Exception:
            # The reason for leaving must not give way to complaints about a rollback that
            # PostgreSQL has made already.
            if not pg.is_closed():
                await transaction.rollback()
            raise
        await transaction.commit()
    except asyncpg.InternalClientError:
        # A server that vanished in the middle of an answer has left the driver out of step.
        pg.terminate()
        raise


@contextlib.asynccontextmanager
async def _abandoned_when_cancelled(pooled: PoolProxiedConnection) -> AsyncIterator[None]:
    """Closes the connection of a transaction that is cancelled, as by the deadline of its call.

    Closing ends the statement in PostgreSQL and rolls back, within two seconds even if PostgreSQL
    is silent. A rollback could be cancelled in its turn, as gRPC does; the connection would then go
    back to the pool in the middle of a transaction.
    """
    try:
        yield
    except asyncio.CancelledError:
        if not pooled.is_valid:
            raise  # SQLAlchemy has closed it, as it does when it was waiting itself
        closing = asyncio.ensure_future(greenlet_spawn(pooled.invalidate))
        while not closing.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(closing)
        raise


@contextlib.contextmanager
def _outages_named() -> Iterator[None]:
    try:
        yield
    except (PoolTimeoutError, OSError) as error:
        raise errors.Unavailable(retry_after=_RETRY_AFTER) from error
    except (
        # What the pool raises while it connects, and what asyncpg does later on.
        EmulatedDBAPIException,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
    ) as error:
        if is_outage(error):
            raise errors.Unavailable(retry_after=_RETRY_AFTER) from error
        raise
    except DBAPIError as error:
        if error.connection_invalidated or is_outage(error.orig):
            raise errors.Unavailable(retry_after=_RETRY_AFTER) from error
        raise


def _driver(pooled: PoolProxiedConnection) -> asyncpg.Connection:
    pg: asyncpg.Connection | None = pooled.driver_connection
    if pg is None:
        raise ConnectionError("the pool gave a connection that is gone")
    return pg


def _refuse_closed(adapted: Any, _record: Any, _proxy: Any) -> None:
    """Keeps connections that PostgreSQL has closed from being handed out.

    asyncpg knows as soon as the socket closes, so this needs no round trip. After a restart of
    PostgreSQL every connection is one of these, hence the whole pool goes.
    """
    if adapted.driver_connection.is_closed():
        raise InvalidatePoolError


def is_outage(error: BaseException | None) -> bool:
    """Whether an error means that PostgreSQL cannot do now what it may do in a moment.

    It is away, starting, stopping or full, or two transactions got in each other's way.
    """
    if isinstance(error, asyncpg.DataError):
        return False  # a value that PostgreSQL cannot take, which asyncpg calls an interface error
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
            | asyncpg.InternalClientError
            | OSError,
        )
        for each in (error, cause)
    )


def connection_arguments(url: str) -> dict[str, Any]:
    """Server, database and protection as `url` has them, in the words of `asyncpg.connect`."""
    parts = make_url(url)
    host = parts.host or parts.query.get("host")
    return {
        "host": host,
        "port": parts.port,
        "user": parts.username,
        "password": parts.password,
        "database": parts.database,
        "ssl": parts.query.get("ssl"),
    }
