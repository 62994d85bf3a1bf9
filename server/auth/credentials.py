"""What callers present: access tokens, refresh tokens and session cookies."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from server import assurance, errors
from server.auth import refreshing, tokens
from server.auth.keyring import Keyring
from server.auth.model import SessionRow
from server.auth.refreshing import RefreshToken
from server.auth.sessions import Sessions
from server.auth.tokens import Claims, TokenRefusedError
from server.caller import Principal
from server.platform.clock import Clock, Entropy
from server.platform.vault import Vault, digest, encode

COOKIE_PREFIX = "lms_"

_COOKIE_BYTES = 32
_CAPACITY = 20_000
_LONGEST_COOKIE = 128


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An access token and the refresh token that replaces it."""

    access_token: str
    access_expire_time: datetime
    refresh_token: str
    refresh_expire_time: datetime


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token, and what to say about it."""

    token: str
    session_id: UUID
    expire_time: datetime
    scope: str


class Credentials:
    """Issues credentials and tells whose they are."""

    def __init__(
        self,
        *,
        keyring: Keyring,
        sessions: Sessions,
        vault: Vault,
        clock: Clock,
        entropy: Entropy,
        issuer: str,
        audience: str,
        access_ttl: timedelta,
    ) -> None:
        self._keyring = keyring
        self._sessions = sessions
        self._vault = vault
        self._clock = clock
        self._entropy = entropy
        self._issuer = issuer
        self._audience = audience
        self._access_ttl = access_ttl
        self._verified: OrderedDict[str, tuple[str, Claims]] = OrderedDict()
        """What tokens say, with the id of the key that says so."""

    async def by_token(self, token: str) -> Principal:
        """The principal of an access token.

        Raises `errors.CredentialInvalid`, and `errors.Unavailable` while no key is known.
        """
        claims = await self.claims(token)
        return await self._sessions.principal(claims.session_id, claims.user_id)

    async def by_cookie(self, credential: str) -> Principal:
        """The principal of a session cookie. Raises `errors.CredentialInvalid`."""
        if not credential.startswith(COOKIE_PREFIX) or len(credential) > _LONGEST_COOKIE:
            raise errors.CredentialInvalid
        session_id = await self._sessions.session_id(digest(credential))
        return await self._sessions.principal(session_id)

    async def claims(self, token: str) -> Claims:
        """What an access token says, verified once and remembered until it or its key expires.

        Whether its session lives is not looked at. Raises `errors.CredentialInvalid`, and
        `errors.Unavailable` while no key is known.
        """
        now, keys = self._clock.now(), self._keyring.verifying()
        if token in self._verified:
            key_id, claims = self._verified[token]
            if now < claims.expire_time and key_id in keys:
                return claims
            del self._verified[token]
            raise errors.CredentialInvalid
        try:
            claims = tokens.verify(
                token, keys=keys, issuer=self._issuer, audience=self._audience, now=now
            )
        except TokenRefusedError as error:
            raise errors.CredentialInvalid from error
        self._verified[token] = tokens.key_id(token), claims
        if len(self._verified) > _CAPACITY:
            self._verified.popitem(last=False)
        return claims

    def issue(self, session: SessionRow, permissions: frozenset[str]) -> TokenPair:
        """A pair of tokens for a session, for the turn that it is at."""
        access = self.access_token(session, permissions)
        turn = RefreshToken(session.session_id, session.refresh_generation)
        return TokenPair(
            access_token=access.token,
            access_expire_time=access.expire_time,
            refresh_token=refreshing.make(self._vault, turn),
            refresh_expire_time=self._sessions.idle_expire_time(session),
        )

    def access_token(
        self, session: SessionRow, permissions: frozenset[str], *, client_id: str = tokens.CLIENT
    ) -> AccessToken:
        """An access token for a session, given to the program `client_id`."""
        now = self._clock.now()
        expire_time = min(now + self._access_ttl, session.expire_time)
        key_id, key = self._keyring.signing()
        claims = Claims(
            issuer=self._issuer,
            audience=self._audience,
            user_id=session.user_id,
            session_id=session.session_id,
            token_id=str(self._entropy.identifier()),
            issue_time=now,
            expire_time=expire_time,
            auth_time=session.proof_time,
            amr=tuple(session.amr),
            acr=assurance.level(session.amr),
            scope=" ".join(sorted(permissions)),
            client_id=client_id,
            certificate=session.certificate,
        )
        return AccessToken(
            token=tokens.sign(claims, key_id=key_id, key=key),
            session_id=session.session_id,
            expire_time=expire_time.replace(microsecond=0),
            scope=claims.scope,
        )

    @property
    def access_ttl(self) -> timedelta:
        """How long access tokens live."""
        return self._access_ttl

    def new_cookie(self) -> str:
        """A fresh cookie credential: 256 bits of chance."""
        return COOKIE_PREFIX + encode(self._entropy.token(_COOKIE_BYTES))
