"""Running several SQL statements at once, which the ordinary path through asyncpg refuses."""

from alembic import op


def run(statements: str) -> None:
    """Runs a script of statements inside the transaction of the revision."""
    adapted = op.get_bind().connection.dbapi_connection
    if adapted is None:
        raise ConnectionError("the connection of this revision is gone")
    adapted.run_async(lambda connection: connection.execute(statements))
