"""Time and chance, handed to whoever needs them so that tests can decide both."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from uuid_utils.compat import uuid7


class Clock(Protocol):
    """Tells the time of day."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Entropy:
    """The sources of what nobody may guess and of what never repeats."""

    token: Callable[[int], bytes] = secrets.token_bytes
    """Gives the wanted number of unpredictable bytes."""
    identifier: Callable[[], UUID] = uuid7
    """Gives a fresh UUIDv7 (RFC 9562, section 5.7): unique, and sorted by time."""
