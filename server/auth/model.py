"""The rows of authentication."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from server.platform.tables import Table


class PasswordRow(Table):
    """The password in force of a user, as an Argon2id string."""

    __tablename__ = "passwords"
    __table_args__ = {"schema": "auth"}

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    encoded: Mapped[str] = mapped_column(Text)
    update_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class SessionRow(Table):
    """One sign-in of one user on one device."""

    __tablename__ = "sessions"
    __table_args__ = {"schema": "auth"}

    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_use_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expire_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    proof_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    amr: Mapped[list[str]] = mapped_column(ARRAY(Text))
    user_agent: Mapped[str] = mapped_column(Text)
    network: Mapped[str] = mapped_column(Text)
    cookie_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    certificate: Mapped[str | None] = mapped_column(Text)
    """The thumbprint of the client certificate that the session is bound to (RFC 8705)."""
    refresh_generation: Mapped[int] = mapped_column(Integer)
    rotate_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoke_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoke_reason: Mapped[str | None] = mapped_column(Text)


class OneTimeTokenRow(Table):
    """A mailed token, as its SHA-256. One for a sign-up carries what was registered with it."""

    __tablename__ = "one_time_tokens"
    __table_args__ = {"schema": "auth"}

    token_id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    purpose: Mapped[str] = mapped_column(Text)
    user_id: Mapped[UUID]
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expire_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    consume_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    encoded: Mapped[str | None] = mapped_column(Text)
    display_name: Mapped[str | None] = mapped_column(Text)
    locale: Mapped[str | None] = mapped_column(Text)
    network: Mapped[str | None] = mapped_column(Text)
    """Where the sign-up came from."""
    email: Mapped[str | None] = mapped_column(Text)
    """The address that the account is to have."""


class ChallengeRow(Table):
    """A sign-in, or a step-up of a session, that waits for a second factor."""

    __tablename__ = "challenges"
    __table_args__ = {"schema": "auth"}

    challenge_id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    user_id: Mapped[UUID]
    session_id: Mapped[UUID | None]
    """The session to replace; None at a sign-in."""
    amr: Mapped[list[str]] = mapped_column(ARRAY(Text))
    delivery: Mapped[str] = mapped_column(Text)
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expire_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    consume_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class SigningKeyRow(Table):
    """An Ed25519 key that signs access tokens. The private half is sealed."""

    __tablename__ = "signing_keys"
    __table_args__ = {"schema": "auth"}

    key_id: Mapped[str] = mapped_column(Text, primary_key=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    activate_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    retire_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class RevocationRow(Table):
    """The end of a session or an API key, noted by a trigger. `revocation_log` reads the rest."""

    __tablename__ = "revocations"
    __table_args__ = {"schema": "auth"}

    revocation_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    session_id: Mapped[UUID]
    time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
