"""The rows of jobs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from server.platform.tables import Table


class OutboxRow(Table):
    """A job: open until it is done or dead."""

    __tablename__ = "outbox"
    __table_args__ = {"schema": "jobs"}

    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    args: Mapped[dict[str, str]] = mapped_column(JSONB)
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    due_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    publish_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When its id went to the stream for the attempt that is due; None before that."""
    attempts: Mapped[int] = mapped_column(Integer)
    """How often it was begun."""
    last_error: Mapped[str | None] = mapped_column(Text)
    """The class of the last error; its text could hold personal data."""
    done_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    dead_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it was given up."""
