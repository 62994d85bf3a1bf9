"""Sessions at hand: whether one lives, whose it is, and when it was last used.

Almost every call asks, so the answer is kept in memory and stays true through `platform.changes`.
The account is looked at on each call as well: a disabled user has no live session, whatever their
row says.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from server import assurance, errors
from server.auth import repository
from server.auth.model import SessionRow
from server.caller import Principal
from server.platform.clock import Clock
from server.platform.database import Database
from server.platform.remembered import Remembered
from server.users.directory import Directory
from server.users.model import ACTIVE
from server.users.repository import Account
from server.users.roles import Roles

_CAPACITY = 50_000
_NOTED_EVERY = timedelta(seconds=10)
_FLUSH_SECONDS = 5.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class LiveSession:
    """A session in memory, with the principal that it makes while its account stays the same."""

    row: SessionRow
    last_use_time: datetime
    account: Account | None = None
    principal: Principal | None = None


class Sessions:
    """Resolves session ids and cookies to principals."""

    def __init__(
        self,
        *,
        database: Database,
        directory: Directory,
        roles: Roles,
        clock: Clock,
        idle: timedelta,
        may_keep: Callable[[], bool],
    ) -> None:
        self._database = database
        self._directory = directory
        self._roles = roles
        self._clock = clock
        self._idle = idle
        self._sessions: Remembered[UUID, LiveSession] = Remembered(
            load=self._load, may_keep=may_keep, capacity=_CAPACITY
        )
        self._by_cookie: Remembered[bytes, UUID] = Remembered(
            load=self._load_cookie, may_keep=lambda: True, capacity=_CAPACITY
        )
        self._uses: dict[UUID, datetime] = {}
        database.on_change(self._changed)

    async def principal(self, session_id: UUID, user_id: UUID | None = None) -> Principal:
        """The principal of a live session, whose use is noted.

        Raises `errors.CredentialInvalid` when the session is over, its account closed, or it is not
        the session of `user_id`, where one is given.
        """
        live = self._sessions.known(session_id) or await self._sessions.get(session_id)
        now = self._clock.now()
        if live is not None and now - live.last_use_time >= self._idle:
            # Another process may have seen it used.
            self._sessions.forget(session_id)
            live = await self._sessions.get(session_id)
        if live is None or not self._is_live(live, now):
            raise errors.CredentialInvalid
        account = await self._directory.account(live.row.user_id)
        if account is None or account.user.state != ACTIVE:
            raise errors.CredentialInvalid
        if user_id is not None and user_id != live.row.user_id:
            raise errors.CredentialInvalid
        self._note(live, now)
        if live.account is not account or live.principal is None:
            live.account, live.principal = account, self._make(live.row, account)
        return live.principal

    async def session_id(self, cookie_hash: bytes) -> UUID:
        """The session that a cookie names. Raises `errors.CredentialInvalid`."""
        session_id = self._by_cookie.known(cookie_hash) or await self._by_cookie.get(cookie_hash)
        if session_id is None:
            raise errors.CredentialInvalid
        return session_id

    async def run(self) -> None:
        """Writes down every few seconds when sessions were used. Runs until cancelled."""
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Writes down when sessions were used."""
        uses, self._uses = self._uses, {}
        if not uses:
            return
        try:
            async with self._database.transaction() as tx:
                await repository.touch(tx, uses)
        except BaseException as error:
            self._uses = uses | self._uses
            if not isinstance(error, errors.Unavailable):
                raise
            _log.warning("sessions.unnoted", count=len(self._uses))

    def forget_all(self) -> None:
        """Drops everything remembered."""
        self._sessions.forget_all()
        self._by_cookie.forget_all()

    def idle_expire_time(self, row: SessionRow) -> datetime:
        """When a session ends unless it is used before."""
        last = max(row.last_use_time, self._uses.get(row.session_id, row.last_use_time))
        return min(last + self._idle, row.expire_time)

    def _is_live(self, live: LiveSession, now: datetime) -> bool:
        return (
            live.row.revoke_time is None
            and now < live.row.expire_time
            and now - live.last_use_time < self._idle
        )

    def _note(self, live: LiveSession, now: datetime) -> None:
        if now - live.last_use_time >= _NOTED_EVERY:
            live.last_use_time = now
            self._uses[live.row.session_id] = now

    def _make(self, row: SessionRow, account: Account) -> Principal:
        return Principal(
            user_id=row.user_id,
            session_id=row.session_id,
            permissions=self._roles.of(account),
            proof_time=row.proof_time,
            by_cookie=row.cookie_hash is not None,
            two_factors=assurance.level(row.amr) == assurance.TWO_FACTORS,
            certificate=row.certificate,
        )

    async def _load(self, session_id: UUID) -> LiveSession | None:
        async with self._database.transaction() as tx:
            row = await repository.session(tx, session_id)
        return LiveSession(row, row.last_use_time) if row is not None else None

    async def _load_cookie(self, cookie_hash: bytes) -> UUID | None:
        async with self._database.transaction() as tx:
            return await repository.session_id_by_cookie(tx, cookie_hash)

    def _changed(self, kind: str, key: str) -> None:
        if kind == "session":
            self._sessions.forget(UUID(key))
