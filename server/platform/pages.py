"""Page tokens: where a list goes on, in a form that callers cannot change or carry elsewhere."""

import hashlib

from server import errors
from server.platform.vault import Vault, decode, encode

_PURPOSE = "page token"
_MAC_BYTES = 16
DEFAULT_SIZE = 50


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
        if seal != self._seal(listing, filter_text, position):
            raise _invalid()
        return position

    def _seal(self, listing: str, filter_text: str, position: bytes) -> bytes:
        bound = hashlib.sha256(f"{listing}\0{filter_text}".encode()).digest() + position
        return self._vault.derive(_PURPOSE, bound)[:_MAC_BYTES]


def _invalid() -> errors.LimenError:
    return errors.PageTokenInvalid(faults=[errors.Fault("page_token", "page_token.invalid")])
