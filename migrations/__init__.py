"""The history of the database: one line of alembic revisions."""
