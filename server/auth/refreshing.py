"""Refresh tokens: opaque, rotating, and stored nowhere.

A token names its session and the number of its turn, under a MAC that only the root secret can
make. The session row knows whose turn it is; so the same answer can be given again after a lost
one, and a database that leaks holds nothing to replay.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from server.platform.vault import Vault, decode, encode

PREFIX = "lmr_"

_PURPOSE = "refresh token"
_BODY_BYTES = 16 + 4
_MAC_BYTES = 32


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What a refresh token says: the session, and which turn of its lineage."""

    session_id: UUID
    generation: int


def make(vault: Vault, token: RefreshToken) -> str:
    """The token as clients hold it."""
    body = token.session_id.bytes + token.generation.to_bytes(4, "big")
    return PREFIX + encode(body + vault.derive(_PURPOSE, body))


def read(vault: Vault, text: str) -> RefreshToken | None:
    """What a token says; None for one that limen did not make."""
    if not text.startswith(PREFIX):
        return None
    try:
        raw = decode(text.removeprefix(PREFIX))
    except ValueError:
        return None
    body, mac = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
    if len(mac) != _MAC_BYTES or not vault.verify(_PURPOSE, body, mac):
        return None
    return RefreshToken(UUID(bytes=body[:16]), int.from_bytes(body[16:], "big"))


class Turn(Enum):
    """What to make of a refresh token that was presented."""

    ROTATE = auto()
    """It is this token's turn: move on."""
    REPEAT = auto()
    """Its successor was just given and may have been lost: give it again."""
    REUSED = auto()
    """It was used up: somebody has a copy."""


def turn(
    generation: int, *, current: int, rotate_time: datetime | None, now: datetime, grace: timedelta
) -> Turn:
    """Decides about a token of `generation` while the session is at `current`."""
    if generation == current:
        return Turn.ROTATE
    recent = rotate_time is not None and now - rotate_time <= grace
    return Turn.REPEAT if generation == current - 1 and recent else Turn.REUSED
