"""The tokens of one sign-in, kept alive for as long as they are used.

The refresh token works once (RFC 9700, section 4.14.2), so two refreshes of one pair must never
run side by side: parallel calls share one.
"""

import asyncio
from collections.abc import Awaitable, Callable

from grpc import StatusCode

from limen.auth.v1.auth_pb2 import RefreshTokensRequest, RefreshTokensResponse, Tokens
from limen.client.errors import (
    CREDENTIAL_INVALID,
    DeadlineExceeded,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)

Clock = Callable[[], float]
"""The time in seconds since 1970 (UTC)."""

_AHEAD = 30.0
"""How long before it expires the access token is renewed, in seconds. Less if it lives briefly."""

_PAUSE = 1.0
"""How long to wait after a refresh for which limen was away, in seconds."""

_PASSING = (Unavailable, DeadlineExceeded, TooManyRequests)


class Session:
    """A credential that renews itself: shortly before it expires, and when limen refuses it.

    `refresh` trades a refresh token for a new pair.
    """

    def __init__(
        self,
        tokens: Tokens,
        *,
        refresh: Callable[[RefreshTokensRequest], Awaitable[RefreshTokensResponse]],
        clock: Clock,
    ) -> None:
        self._refresh = refresh
        self._clock = clock
        self._trade = asyncio.Lock()
        self._flight: asyncio.Task[None] | None = None
        self._ended: Unauthenticated | None = None
        self._adopt(tokens)

    async def token(self) -> str:
        """The access token, renewed first if it is about to expire.

        Raises Unauthenticated when limen has ended the session. When limen is merely away, the
        old token is given for as long as it lives.
        """
        if self._ended is not None:
            raise type(self._ended)(*self._ended.args)
        if self._clock() >= self._renew_at:
            await self._renew_early()
        return self._tokens.access_token

    async def renew(self, refused: str) -> bool:
        """Replaces a token that limen refused, unless another call did so already."""
        if self._tokens.access_token == refused:
            await self._renew()
        return True

    async def replace(self, trade: Callable[[str], Awaitable[Tokens]]) -> None:
        """Takes the pair that `trade` gives for the access token, with no refresh in between."""
        token = await self.token()
        try:
            await self._swap(trade)
        except Unauthenticated as fault:
            if fault.reason != CREDENTIAL_INVALID:
                raise
            await self.renew(token)
            await self._swap(trade)

    async def end(self) -> None:
        """Gives up the tokens; a refresh under way is abandoned."""
        self._ended = Unauthenticated(StatusCode.UNAUTHENTICATED, "the session was closed here")
        self._tokens = Tokens()
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait({self._flight})

    def _adopt(self, tokens: Tokens) -> None:
        now = self._clock()
        self._tokens = tokens
        self._expires_at = tokens.access_token_expire_time.ToNanoseconds() / 1e9
        life = self._expires_at - now
        # A new pair that seems to have expired tells that this machine's clock is fast. Then only
        # limen's refusal counts; going by the clock would mean a refresh before every call.
        self._renew_at = self._expires_at - min(_AHEAD, life / 5) if life > 0 else float("inf")

    async def _swap(self, trade: Callable[[str], Awaitable[Tokens]]) -> None:
        async with self._trade:
            self._adopt(await trade(self._tokens.access_token))

    async def _renew_early(self) -> None:
        try:
            await self._renew()
        except _PASSING as fault:
            now = self._clock()
            if now >= self._expires_at:
                raise
            self._renew_at = now + (fault.retry_after or _PAUSE)

    async def _renew(self) -> None:
        if self._flight is None:
            self._flight = asyncio.create_task(self._fly(self._tokens.refresh_token))
            self._flight.add_done_callback(self._land)
        # Shielded: one caller who gives up must not take the refresh from the others.
        await asyncio.shield(self._flight)

    async def _fly(self, refresh_token: str) -> None:
        async with self._trade:
            if self._tokens.refresh_token != refresh_token:
                return
            try:
                answer = await self._refresh(RefreshTokensRequest(refresh_token=refresh_token))
            except Unauthenticated as fault:
                # Final. Asking again would only use up the rate limit for sign-ins.
                self._ended = fault
                raise
            self._adopt(answer.tokens)

    def _land(self, flight: asyncio.Task[None]) -> None:
        self._flight = None
        if not flight.cancelled():
            flight.exception()  # Everyone who waited may be gone; asyncio would log that.
