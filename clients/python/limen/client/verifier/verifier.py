"""Verifies what callers present, in this process."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from limen.client.facade import Services
from limen.client.verifier import api_keys, jws
from limen.client.verifier.claims import Claims
from limen.client.verifier.counters import Counters
from limen.client.verifier.errors import CredentialInvalid, StaleError, VerificationError
from limen.client.verifier.introspection import Introspection
from limen.client.verifier.keys import Keys
from limen.client.verifier.remembered import Remembered
from limen.client.verifier.revoked import Revoked
from limen.client.verifier.watch import Watch

WhenStale = Literal["introspect", "refuse"]

_START_WITHIN = 5.0
_SWEPT_EVERY = 60.0
_SHORTEST_BOUND = 2.0
_LONGEST_LEEWAY = 60.0

_log = logging.getLogger("limen.verifier")


def uninterrupted() -> float:
    """The time in seconds on a clock that nobody sets, and that does not stop in a sleep of the
    machine where the system has one like that (CLOCK_BOOTTIME).
    """
    return _BOOT_TIME() if _BOOT_TIME is not None else time.monotonic()


_BOOT_TIME: Callable[[], float] | None = (
    (lambda: time.clock_gettime(time.CLOCK_BOOTTIME)) if hasattr(time, "CLOCK_BOOTTIME") else None
)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A token whose signature was found good. Its life is counted on both clocks."""

    claims: Claims
    key_id: str
    expires: float
    until: float


class Verifier:
    """Says who a caller is. A context manager; also `start` and `close`.

    It holds limen's public keys and hears of revocations as they happen, so that a token costs a
    signature at first sight, a look-up after that, and never a call. When limen has not been heard
    for `staleness` seconds, it asks limen about each credential, or refuses, as `when_stale` says.
    API keys are always asked about, and the answer is used for `memory` seconds.

    limen: from `connect`, `service_account` or `sign_in`, with a credential that holds the
        permission `tokens.introspect`. It is not closed along with the verifier.
    issuer, audience: what tokens must have for `iss` and `aud`.
    staleness: seconds, at least 2.
    when_stale: `introspect` or `refuse`.
    capacity: how many tokens are remembered.
    memory: seconds, and never longer than `staleness`.
    leeway: how far the clocks of limen and this machine may differ, in seconds.
    clock: the time in seconds since 1970; `monotonic`: on a clock that nobody sets. For tests.

    To be made where an event loop runs, and used there alone. Raises ValueError for settings that
    make no sense.
    """

    def __init__(
        self,
        limen: Services,
        *,
        issuer: str,
        audience: str,
        staleness: float = 10.0,
        when_stale: WhenStale = "introspect",
        capacity: int = 10_000,
        memory: float = 5.0,
        leeway: float = 5.0,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = uninterrupted,
    ) -> None:
        _check(staleness, when_stale, capacity, memory, leeway)
        self._expected = jws.Expected(issuer, audience, leeway)
        self._asks_when_stale = when_stale == "introspect"
        self._clock, self._monotonic = clock, monotonic
        self.counters = Counters()
        """What has been done so far."""
        self._seen: Remembered[_Seen] = Remembered(capacity)
        self._revoked = Revoked()
        self._keys = Keys(
            limen.auth, changed=self._forget_other_keys, counters=self.counters, monotonic=monotonic
        )
        self._introspection = Introspection(
            limen.auth,
            memory=min(memory, staleness),
            capacity=capacity,
            counters=self.counters,
            monotonic=monotonic,
        )
        self._watch = Watch(
            limen.auth,
            keys=self._keys,
            revoked=self._revoked,
            counters=self.counters,
            bound=staleness,
            monotonic=monotonic,
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begins to listen, and waits for up to five seconds until all is known.

        A limen that is away is no fault: the verifier is then stale, and catches up by itself.
        Raises Unauthenticated and PermissionDenied when limen does not accept the credential.
        """
        for work in (self._watch.run(), self._sweep()):
            task = asyncio.create_task(work)
            task.add_done_callback(_ended)
            self._tasks.append(task)
        try:
            await asyncio.wait({self._watch.settled}, timeout=_START_WITHIN)
            if self._watch.settled.done():
                self._watch.settled.result()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stops listening, and abandons what is being asked. It is of no use after that."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._introspection.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def is_fresh(self) -> bool:
        """Whether all revocations up to `staleness` seconds ago are known."""
        return self._monotonic() < self._watch.fresh_until

    @property
    def age(self) -> float:
        """Seconds since limen confirmed that nothing is missing; infinite before the first time."""
        return self._monotonic() - self._watch.heard_at

    @property
    def cursor(self) -> str:
        """Up to where in limen's revocations all is known."""
        return self._watch.cursor

    def known(self, credential: str) -> Claims | None:
        """The claims of a token that was verified before and still counts, at the cost of a
        look-up. None says nothing: `verify` then finds out.
        """
        seen = self._seen.get(credential)
        if seen is None or seen.claims.session_id in self._revoked:
            return None
        now = self._monotonic()
        if now >= self._watch.fresh_until or now >= seen.until or self._clock() >= seen.expires:
            return None
        self.counters.known += 1
        return seen.claims

    async def verify(self, credential: str) -> Claims:
        """The claims of an access token or API key.

        Raises `CredentialInvalid`, and `StaleError` when nobody can say.
        """
        claims = self.known(credential)
        if claims is not None:
            return claims
        try:
            if credential.startswith(api_keys.PREFIX):
                return await self._api_key(credential)
            return await self._token(credential)
        except VerificationError:
            self.counters.refused += 1
            raise

    async def _token(self, token: str) -> Claims:
        claims = self._seen_before(token) or await self._first_sight(token)
        self._refuse_revoked(claims)
        if not self.is_fresh:
            await self._confirm(token)
            self._refuse_revoked(claims)  # It may have been heard of in the meantime.
        return claims

    def _seen_before(self, token: str) -> Claims | None:
        seen = self._seen.get(token)
        if seen is None:
            return None
        if self._is_over(seen):
            self._seen.forget(token)
            raise CredentialInvalid("expired")
        return seen.claims

    async def _first_sight(self, token: str) -> Claims:
        parts = jws.parse(token)
        key = await self._keys.find(parts.key_id)
        now = self._clock()
        claims = jws.verify(parts, key, self._expected, now)
        self.counters.verified += 1
        expires = _expiry(claims) + self._expected.leeway
        until = self._monotonic() + expires - now
        self._seen.put(token, _Seen(claims, parts.key_id, expires, until))
        return claims

    async def _confirm(self, token: str) -> None:
        """Asks limen about a token that is good as far as is known here."""
        self.counters.stale += 1
        if not self._asks_when_stale:
            raise StaleError("limen was not heard for too long")
        if not (await self._introspection.ask(token)).active:
            raise CredentialInvalid("not active")

    async def _api_key(self, secret: str) -> Claims:
        if not api_keys.is_well_formed(secret):
            raise CredentialInvalid("no API key")
        answer = await self._introspection.ask(secret)
        claims = api_keys.claims(answer, self._expected, self._clock())
        self._refuse_revoked(claims)
        return claims

    def _refuse_revoked(self, claims: Claims) -> None:
        if claims.session_id in self._revoked:
            raise CredentialInvalid("revoked")

    def _is_over(self, seen: _Seen) -> bool:
        return self._clock() >= seen.expires or self._monotonic() >= seen.until

    def _forget_other_keys(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        self._seen.forget_where(lambda seen: seen.key_id not in keys)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEPT_EVERY)
            self._seen.forget_where(self._is_over)
            self._introspection.sweep()


def _check(
    staleness: float, when_stale: WhenStale, capacity: int, memory: float, leeway: float
) -> None:
    if staleness < _SHORTEST_BOUND:
        raise ValueError("staleness is at least 2 seconds: limen speaks once a second")
    if when_stale not in {"introspect", "refuse"}:
        raise ValueError("when_stale is introspect or refuse")
    if capacity < 1:
        raise ValueError("capacity is at least 1")
    if memory < 0:
        raise ValueError("memory is not below 0 seconds")
    if not 0 <= leeway <= _LONGEST_LEEWAY:
        raise ValueError("leeway is between 0 and 60 seconds")


def _expiry(claims: Claims) -> float:
    # Of an access token, which always has one.
    return claims.expire_time.timestamp() if claims.expire_time is not None else 0.0


def _ended(task: asyncio.Task[None]) -> None:
    # Without it the verifier becomes stale, which is safe; but somebody should know why.
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("the verifier has stopped listening", exc_info=error)
