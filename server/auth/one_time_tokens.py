"""Mailed tokens: derived from their id, kept as a hash, used once.

The worker that writes the mail derives the token again from the id in the row, so the token itself
is in no table and on no queue, and a mail that has to be sent twice holds the same link.
"""

from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from server.platform.vault import Vault, encode

_PURPOSE = "one-time token"


class Purpose(StrEnum):
    """What a token is for. One never works for another purpose."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"
    CHANGE_EMAIL = "change_email"
    NOTICE = "notice"
    """Nothing: takes the place of a link when the owner of a known address is only told."""


LIFETIMES = {
    Purpose.VERIFY_EMAIL: timedelta(hours=24),
    Purpose.RESET_PASSWORD: timedelta(minutes=10),
    Purpose.CHANGE_EMAIL: timedelta(hours=1),
    Purpose.NOTICE: timedelta(0),
}


def make(vault: Vault, token_id: UUID) -> str:
    """The token of this id: 256 bits, base64url."""
    return encode(vault.derive(_PURPOSE, token_id.bytes))
