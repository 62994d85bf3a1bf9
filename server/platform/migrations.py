"""Bringing a database to the shape this version of limen needs."""

from collections.abc import Callable
from importlib import resources

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

VERSION_TABLE = "limen_schema_version"

# Any number will do as long as nothing else in the database locks it.
_LOCK = 0x6C696D656E


async def upgrade(url: str, revision: str = "head") -> bool:
    """Applies the revisions that are missing, up to `revision`.

    Safe to run from several processes at once: one works, the others wait and find it done. `url`
    names a login that may create schemas and roles. Returns whether anything was applied.
    """
    return await _migrate(url, lambda connection: _upgrade(connection, revision))


async def downgrade(url: str, revision: str) -> bool:
    """Takes revisions back until `revision` is the newest; `base` takes all back."""
    return await _migrate(url, lambda connection: _downgrade(connection, revision))


async def _migrate(url: str, work: Callable[[Connection], bool]) -> bool:
    engine = create_async_engine(url, pool_size=1, connect_args={"timeout": 5})
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, revision: str) -> bool:
    config = _config(connection)
    present = _present(connection)
    if revision == "head" and present == ScriptDirectory.from_config(config).get_current_head():
        return False
    command.upgrade(config, revision)
    return True


def _downgrade(connection: Connection, revision: str) -> bool:
    if _present(connection) is None:
        return False
    command.downgrade(_config(connection), revision)
    return True


def _present(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("migrations")))
    config.attributes["connection"] = connection
    return config
