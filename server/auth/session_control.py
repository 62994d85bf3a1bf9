"""Living with sessions: renewing tokens, listing, ending."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from server import errors
from server.audit import recorder
from server.audit.actions import Action, Outcome
from server.audit.recorder import Event, Recorder
from server.auth import refreshing, repository
from server.auth.credentials import Credentials, TokenPair
from server.auth.model import SessionRow
from server.auth.refreshing import RefreshToken, Turn
from server.auth.sessions import Sessions
from server.auth.tokens import Claims
from server.caller import Caller, Principal
from server.platform.clock import Clock
from server.platform.database import Database, Transaction
from server.platform.pages import DEFAULT_SIZE, Pages, Position
from server.platform.vault import Vault
from server.users import repository as users
from server.users.model import ACTIVE
from server.users.repository import Account
from server.users.roles import Roles

_LIST = "sessions"
_INTROSPECT = "tokens.introspect"


@dataclass(frozen=True, slots=True)
class SessionPage:
    """One page of sessions."""

    sessions: list[SessionRow]
    next_page_token: str


class ApiKey(Protocol):
    """A live API key."""

    @property
    def principal(self) -> Principal:
        """Whose key it is, and what it allows right now."""

    @property
    def create_time(self) -> datetime:
        """When it was made."""

    @property
    def expire_time(self) -> datetime | None:
        """When it stops working; None: never."""


class ApiKeys(Protocol):
    """What introspection needs from whoever keeps API keys."""

    def is_key(self, token: str) -> bool:
        """Whether a bearer token would be an API key, live or not."""

    async def presented(self, token: str) -> ApiKey:
        """The key that was presented to a service. Raises `errors.CredentialInvalid`."""


class SessionControl:
    """Renews, lists and ends sessions."""

    def __init__(
        self,
        *,
        database: Database,
        sessions: Sessions,
        api_keys: ApiKeys,
        credentials: Credentials,
        recorder: Recorder,
        roles: Roles,
        pages: Pages,
        vault: Vault,
        clock: Clock,
        idle: timedelta,
        grace: timedelta,
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._api_keys = api_keys
        self._credentials = credentials
        self._recorder = recorder
        self._roles = roles
        self._pages = pages
        self._vault = vault
        self._clock = clock
        self._idle = idle
        self._grace = grace

    async def refresh(self, caller: Caller, text: str) -> TokenPair:
        """Trades a refresh token for a new pair.

        Raises `errors.CredentialInvalid`, and `errors.RefreshTokenReused` after ending the session
        of a token that was used up.
        """
        token = refreshing.read(self._vault, text)
        if token is None:
            await self._refresh_failed(caller)
            raise errors.CredentialInvalid
        async with self._database.transaction() as tx:
            session = await repository.lock_session(tx, token.session_id)
            account = await users.find(tx, session.user_id) if session else None
            if session is None or account is None or not self._is_usable(session, account):
                outcome: TokenPair | errors.LimenError = errors.CredentialInvalid()
                await self._recorder.record(tx, caller, recorder.failed(Action.REFRESH))
            else:
                outcome = await self._take_turn(tx, caller, session, account, token)
        if isinstance(outcome, errors.LimenError):
            raise outcome
        return outcome

    async def sign_out(self, caller: Caller) -> None:
        """Ends the caller's session."""
        principal = caller.signed_in()
        async with self._database.transaction() as tx:
            await repository.revoke_session(
                tx,
                principal.user_id,
                principal.session_id,
                now=self._clock.now(),
                reason="signed out",
            )
            await self._record(tx, caller, Action.SIGN_OUT, principal.session_id)

    async def page(self, caller: Caller, *, page_size: int, token: str) -> SessionPage:
        """One page of the caller's live sessions. Raises `errors.PageTokenInvalid`."""
        size = page_size or DEFAULT_SIZE
        user_id = caller.signed_in().user_id
        position = self._pages.position(_LIST, str(user_id), token)
        await self._sessions.flush()
        now = self._clock.now()
        async with self._database.transaction() as tx:
            found = await repository.live_sessions(
                tx,
                user_id,
                now=now,
                used_since=now - self._idle,
                after=Position.unpack(position) if position else None,
                size=size + 1,
            )
        if len(found) <= size:
            return SessionPage(found, "")
        return SessionPage(
            found[:size], self._pages.token(_LIST, str(user_id), _position(found[size - 1]).pack())
        )

    async def revoke(self, caller: Caller, session_id: UUID) -> None:
        """Ends one session of the caller. Raises `errors.NotFound`."""
        user_id = caller.signed_in().user_id
        async with self._database.transaction() as tx:
            ended = await repository.revoke_session(
                tx, user_id, session_id, now=self._clock.now(), reason="revoked"
            )
            event = Event(
                Action.REVOKE_SESSION,
                outcome=Outcome.SUCCESS if ended else Outcome.FAILURE,
                subject=recorder.session(session_id),
            )
            await self._recorder.record(tx, caller, event)
        if not ended:
            raise errors.NotFound(resource="session")

    async def revoke_others(self, caller: Caller) -> int:
        """Ends every session of the caller but this one, and says how many there were."""
        principal = caller.signed_in()
        async with self._database.transaction() as tx:
            count = await repository.revoke_sessions(
                tx,
                principal.user_id,
                but=principal.session_id,
                now=self._clock.now(),
                reason="revoked",
            )
            await self._recorder.record(
                tx,
                caller,
                Event(
                    Action.REVOKE_OTHER_SESSIONS,
                    subject=recorder.user(principal.user_id),
                    details={"count": str(count)},
                ),
            )
        return count

    async def introspect(self, caller: Caller, token: str) -> Claims | ApiKey | None:
        """What a live access token claims, or a live API key amounts to.

        None for any other, and for one that is not for the caller to know about.
        """
        try:
            found, owner = await self._look_up(token)
        except errors.CredentialInvalid:
            return None
        is_own = owner == caller.signed_in().user_id
        return found if is_own or caller.may(_INTROSPECT) else None

    async def _look_up(self, token: str) -> tuple[Claims | ApiKey, UUID]:
        if self._api_keys.is_key(token):
            key = await self._api_keys.presented(token)
            return key, key.principal.user_id
        claims = await self._credentials.claims(token)
        await self._sessions.principal(claims.session_id, claims.user_id)
        return claims, claims.user_id

    def idle_expire_time(self, row: SessionRow) -> datetime:
        """When a session ends unless it is used before."""
        return self._sessions.idle_expire_time(row)

    async def _take_turn(
        self,
        tx: Transaction,
        caller: Caller,
        session: SessionRow,
        account: Account,
        token: RefreshToken,
    ) -> TokenPair | errors.LimenError:
        now = self._clock.now()
        turn = refreshing.turn(
            token.generation,
            current=session.refresh_generation,
            rotate_time=session.rotate_time,
            now=now,
            grace=self._grace,
        )
        if turn is Turn.REUSED:
            await repository.revoke_session(
                tx, session.user_id, session.session_id, now=now, reason="refresh token reused"
            )
            event = recorder.failed(
                Action.REFRESH_REUSE_DETECTED, subject=recorder.session(session.session_id)
            )
            await self._recorder.record(tx, caller, event)
            return errors.RefreshTokenReused()
        if turn is Turn.ROTATE:
            await repository.rotate_refresh(tx, session.session_id, now)
            await tx.refresh(session)
        await self._recorder.record(
            tx,
            caller,
            Event(
                Action.REFRESH,
                actor=session.user_id,
                subject=recorder.session(session.session_id),
            ),
        )
        return self._credentials.issue(session, self._roles.of(account))

    def _is_usable(self, session: SessionRow, account: Account) -> bool:
        now = self._clock.now()
        return (
            session.revoke_time is None
            and session.cookie_hash is None
            and now < self._sessions.idle_expire_time(session)
            and account.user.state == ACTIVE
        )

    async def _refresh_failed(self, caller: Caller) -> None:
        async with self._database.transaction() as tx:
            await self._recorder.record(tx, caller, recorder.failed(Action.REFRESH))

    async def _record(
        self, tx: Transaction, caller: Caller, action: Action, session_id: UUID
    ) -> None:
        await self._recorder.record(tx, caller, Event(action, subject=recorder.session(session_id)))


def _position(row: SessionRow) -> Position:
    return Position(row.last_use_time, row.session_id)
