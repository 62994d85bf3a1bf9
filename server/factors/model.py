"""The rows of factors."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from server.platform.tables import Table


class TotpRow(Table):
    """An authenticator app (RFC 6238). It counts once it is confirmed. The secret is sealed."""

    __tablename__ = "totps"
    __table_args__ = {"schema": "factors"}

    factor_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    display_name: Mapped[str] = mapped_column(Text)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    """The newest time step whose code was accepted: it and all before are used up."""
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    confirm_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_use_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class RecoveryCodeRow(Table):
    """A recovery code, as a keyed hash."""

    __tablename__ = "recovery_codes"
    __table_args__ = {"schema": "factors"}

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    use_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class PasskeyRow(Table):
    """A passkey: the public half of a credential that an authenticator holds."""

    __tablename__ = "passkeys"
    __table_args__ = {"schema": "factors"}

    factor_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    display_name: Mapped[str] = mapped_column(Text)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    """In COSE form (RFC 9053, section 7)."""
    sign_count: Mapped[int] = mapped_column(BigInteger)
    aaguid: Mapped[UUID]
    transports: Mapped[list[str]] = mapped_column(ARRAY(Text))
    backed_up: Mapped[bool]
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_use_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class CeremonyRow(Table):
    """A challenge that a browser was given, and that one answer may use up."""

    __tablename__ = "ceremonies"
    __table_args__ = {"schema": "factors"}

    ceremony_id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    purpose: Mapped[str] = mapped_column(Text)
    challenge: Mapped[bytes] = mapped_column(LargeBinary)
    user_id: Mapped[UUID | None]
    """Whose passkey it has to be; None where any will do."""
    challenge_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The challenge of a sign-in that this answers, by the hash of its token."""
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expire_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    consume_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
