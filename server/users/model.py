"""The rows of accounts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from server.platform.tables import Table

ACTIVE = "active"
DISABLED = "disabled"
PERSON = "person"
SERVICE = "service"


class UserRow(Table):
    """One account."""

    __tablename__ = "users"
    __table_args__ = {"schema": "users"}

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(Text)
    email_key: Mapped[str] = mapped_column(Text)
    email_verified: Mapped[bool]
    display_name: Mapped[str] = mapped_column(Text)
    locale: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(BigInteger)
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    update_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RoleGrantRow(Table):
    """A role that a user holds."""

    __tablename__ = "role_grants"
    __table_args__ = {"schema": "users"}

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(Text, primary_key=True)
    grant_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RoleRow(Table):
    """A role that administrators made."""

    __tablename__ = "roles"
    __table_args__ = {"schema": "users"}

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    description: Mapped[str] = mapped_column(Text)
    permissions: Mapped[list[str]] = mapped_column(ARRAY(Text))
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    update_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class SignInFailuresRow(Table):
    """The failed sign-ins to an address from a network; from all unknown ones where it is ''.

    The address need not have an account, and stands here as a keyed hash.
    """

    __tablename__ = "sign_in_failures"
    __table_args__ = {"schema": "users"}

    account_key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    network: Mapped[str] = mapped_column(Text, primary_key=True)
    attempts: Mapped[int] = mapped_column(Integer)
    failures: Mapped[int] = mapped_column(Integer)
    locks: Mapped[int] = mapped_column(Integer)
    last_attempt: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    locked_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class KnownNetworkRow(Table):
    """A network from which the owner of an address has signed in."""

    __tablename__ = "known_networks"
    __table_args__ = {"schema": "users"}

    account_key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    network: Mapped[str] = mapped_column(Text, primary_key=True)
    last_success: Mapped[datetime] = mapped_column(DateTime(timezone=True))
