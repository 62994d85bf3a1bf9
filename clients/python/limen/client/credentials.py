"""Where the token of a call comes from."""

import re
from collections.abc import Awaitable, Callable
from typing import Protocol

TokenProvider = Callable[[], Awaitable[str]]
"""Gives the token for one call; asked before every call, so it should remember."""

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class Credential(Protocol):
    """A source of tokens for the calls of one channel."""

    async def token(self) -> str:
        """The token to present now. Raises LimenError when there is none to be had."""

    async def renew(self, refused: str) -> bool:
        """Told that limen refused a token: whether `token` now gives a better one."""


class ProvidedToken:
    """A token that somebody else looks after."""

    def __init__(self, token: str | TokenProvider) -> None:
        if isinstance(token, str):
            bearer(token)
        self._token = token

    async def token(self) -> str:
        """The token as it was given, or as the provider gives it now."""
        return self._token if isinstance(self._token, str) else await self._token()

    async def renew(self, refused: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """Never: what can be done about the token, its owner does."""
        return False


def bearer(token: str) -> str:
    """The `authorization` value for a token (RFC 6750, section 2.1).

    Raises ValueError for what is no token; the message does not repeat it.
    """
    if not _TOKEN.fullmatch(token):
        raise ValueError("the token has characters that RFC 6750, section 2.1, does not allow")
    return f"Bearer {token}"
