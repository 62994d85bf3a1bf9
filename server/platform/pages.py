"""Page tokens: where a list goes on, in a form that callers cannot change or carry elsewhere."""

import hashlib
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from server import errors
from server.platform.vault import Vault, decode, encode

_PURPOSE = "page token"
_MAC_BYTES = 16
_POSITION = struct.Struct(">q16s")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

DEFAULT_SIZE = 50


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a list that is ordered by time and, within a moment, by id."""

    moment: datetime
    id: UUID

    def pack(self) -> bytes:
        """The position for a page token. Moments are kept to the microsecond."""
        micros = (self.moment - _EPOCH) // timedelta(microseconds=1)
        return _POSITION.pack(micros, self.id.bytes)

    @classmethod
    def unpack(cls, packed: bytes) -> "Position":
        """The position that `pack` made `packed` from."""
        micros, raw = _POSITION.unpack(packed)
        return cls(_EPOCH + timedelta(microseconds=micros), UUID(bytes=raw))


class Pages:
    """Makes and reads page tokens. A token is bound to its list and to the filter it began with."""

    def __init__(self, *, vault: Vault) -> None:
        self._vault = vault

    def token(self, listing: str, filter_text: str, position: bytes) -> str:
        """The token of the page that follows `position`."""
        return encode(self._seal(listing, filter_text, position) + position)

    def position(self, listing: str, filter_text: str, token: str) -> bytes | None:
        """What `token` was made from; None for the first page.

        Raises `errors.PageTokenInvalid` for a token of another list or filter, or a forged one.
        """
        if not token:
            return None
        try:
            raw = decode(token)
        except ValueError:
            raise _invalid() from None
        seal, position = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(seal, self._seal(listing, filter_text, position)):
            raise _invalid()
        return position

    def _seal(self, listing: str, filter_text: str, position: bytes) -> bytes:
        bound = hashlib.sha256(f"{listing}\0{filter_text}".encode()).digest() + position
        return self._vault.derive(_PURPOSE, bound)[:_MAC_BYTES]


def _invalid() -> errors.LimenError:
    return errors.PageTokenInvalid(faults=[errors.Fault("page_token", "page_token.invalid")])
