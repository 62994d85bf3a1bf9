"""The one registry of tables that all slices' rows belong to."""

from sqlalchemy.orm import DeclarativeBase


class Table(DeclarativeBase):
    """A row that PostgreSQL keeps. Each slice has its own schema, of its own name."""
