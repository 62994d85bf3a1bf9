"""How alembic runs the revisions: on a connection that the caller opened."""

from typing import Any

from alembic import context

connection: Any = context.config.attributes["connection"]

context.configure(connection=connection, version_table="limen_schema_version")
with context.begin_transaction():
    context.run_migrations()
