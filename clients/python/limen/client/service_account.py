"""The token of a service account, got anew before it expires (RFC 6749, section 4.4)."""

import asyncio
from collections.abc import Awaitable, Callable

from limen.apikeys.v1.apikeys_pb2 import IssueTokenRequest, IssueTokenResponse
from limen.client.errors import DeadlineExceeded, TooManyRequests, Unavailable
from limen.client.session import Clock

_AHEAD = 30.0
"""How long before it expires a token is replaced, in seconds. Less if it lives briefly."""

_PAUSE = 1.0
"""How long to wait after a time at which limen was away, in seconds."""

_PASSING = (Unavailable, DeadlineExceeded, TooManyRequests)


class IssuedToken:
    """A credential that is asked for with a secret, or with the certificate of the connection.

    `issue` is IssueToken of limen. However many calls wait for a token, limen is asked once.
    """

    def __init__(
        self,
        request: IssueTokenRequest,
        *,
        issue: Callable[[IssueTokenRequest], Awaitable[IssueTokenResponse]],
        clock: Clock,
    ) -> None:
        self._request = request
        self._issue = issue
        self._clock = clock
        self._turn = asyncio.Lock()
        self._token = ""
        self._expires_at = self._renew_at = float("-inf")

    async def token(self) -> str:
        """A token that is good for a while yet.

        When limen is merely away, the old one is given for as long as it lives. Raises LimenError
        when there is none: Unauthenticated (SIGN_IN_FAILED) for a wrong secret.
        """
        if self._clock() >= self._renew_at:
            async with self._turn:
                if self._clock() >= self._renew_at:
                    await self._replace()
        return self._token

    async def renew(self, refused: str) -> bool:
        """Replaces a token that limen refused, unless another call did so already."""
        async with self._turn:
            if self._token == refused:
                await self._take()
        return True

    async def _replace(self) -> None:
        try:
            await self._take()
        except _PASSING as fault:
            now = self._clock()
            if now >= self._expires_at:
                raise
            self._renew_at = now + (fault.retry_after or _PAUSE)

    async def _take(self) -> None:
        answer = await self._issue(self._request)
        now = self._clock()
        self._token = answer.access_token
        self._expires_at = answer.expire_time.ToNanoseconds() / 1e9
        life = self._expires_at - now
        # A new token that seems to have expired tells that this machine's clock is fast. Then only
        # limen's refusal counts.
        self._renew_at = self._expires_at - min(_AHEAD, life / 5) if life > 0 else float("inf")
