"""The rows of the identities of machines."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from server.platform.tables import Table


class ApiKeyRow(Table):
    """A long-lived credential of a user. The secret stands here as its SHA-256."""

    __tablename__ = "keys"
    __table_args__ = {"schema": "apikeys"}

    api_key_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    display_name: Mapped[str] = mapped_column(Text)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hint: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expire_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_use_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_use_network: Mapped[str | None] = mapped_column(Text)
    revoke_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ClientSecretRow(Table):
    """The secret of a service account, as its SHA-256."""

    __tablename__ = "client_secrets"
    __table_args__ = {"schema": "apikeys"}

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    update_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_use_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the account was last given a token, by whichever proof."""


class CertificateRow(Table):
    """A client certificate that a service account may sign in with (RFC 8705)."""

    __tablename__ = "certificates"
    __table_args__ = {"schema": "apikeys"}

    thumbprint: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[UUID]
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
