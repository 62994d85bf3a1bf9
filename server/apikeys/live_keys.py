"""API keys at hand: whether one lives, whose it is, what it allows, and when it was last used.

A key that is presented is answered from memory, as sessions are. What it allows is what its scopes
name and its owner may do at this moment: the account is looked at on each call, so a key is never
worth more than its owner, and nothing when their account is closed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from server import errors
from server.apikeys import repository, secret_form
from server.apikeys.model import ApiKeyRow
from server.apikeys.repository import Use
from server.caller import Principal
from server.platform.clock import Clock
from server.platform.database import Database
from server.platform.remembered import Remembered
from server.platform.vault import digest
from server.users.directory import Directory
from server.users.model import ACTIVE
from server.users.repository import Account
from server.users.roles import Roles

_CAPACITY = 20_000
_NOTED_EVERY = timedelta(minutes=1)
_FLUSH_SECONDS = 5.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Known:
    """A key in memory, with the principal that it makes while its account stays the same."""

    row: ApiKeyRow
    scopes: frozenset[str]
    last_use: Use | None
    account: Account | None = None
    principal: Principal | None = None


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """What there is to say about a live key."""

    principal: Principal
    create_time: datetime
    expire_time: datetime | None


class LiveKeys:
    """Resolves the secrets of API keys to principals."""

    def __init__(
        self,
        *,
        database: Database,
        directory: Directory,
        roles: Roles,
        clock: Clock,
        may_keep: Callable[[], bool],
    ) -> None:
        self._database = database
        self._directory = directory
        self._roles = roles
        self._clock = clock
        self._keys: Remembered[UUID, _Known] = Remembered(
            load=self._load, may_keep=may_keep, capacity=_CAPACITY
        )
        # A secret never comes to name another key, so this needs nobody to keep it true.
        self._by_secret: Remembered[bytes, UUID] = Remembered(
            load=self._load_id, may_keep=lambda: True, capacity=_CAPACITY
        )
        self._uses: dict[UUID, Use] = {}
        database.on_change(self._changed)

    @staticmethod
    def is_key(token: str) -> bool:
        """Whether a bearer token would be an API key, live or not."""
        return token.startswith(secret_form.API_KEY)

    async def principal(self, token: str, network: str) -> Principal:
        """The principal of a live key, whose use from `network` is noted.

        Raises `errors.CredentialInvalid`.
        """
        known, principal = await self._resolve(token)
        self._note(known, network)
        return principal

    async def presented(self, token: str) -> PresentedKey:
        """What there is to say about a live key that was presented to a service, and thereby used.

        Raises `errors.CredentialInvalid`.
        """
        known, principal = await self._resolve(token)
        self._note(known, None)
        return PresentedKey(principal, known.row.create_time, known.row.expire_time)

    async def run(self) -> None:
        """Writes down every few seconds when keys were used. Runs until cancelled."""
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Writes down when keys were used."""
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
            _log.warning("api_keys.unnoted", count=len(self._uses))

    def forget_all(self) -> None:
        """Drops everything remembered."""
        self._keys.forget_all()
        self._by_secret.forget_all()

    async def _resolve(self, token: str) -> tuple[_Known, Principal]:
        if not secret_form.is_well_formed(secret_form.API_KEY, token):
            raise errors.CredentialInvalid
        secret = digest(token)
        api_key_id = self._by_secret.known(secret) or await self._by_secret.get(secret)
        if api_key_id is None:
            raise errors.CredentialInvalid
        known = self._keys.known(api_key_id) or await self._keys.get(api_key_id)
        if known is None or not _is_live(known.row, self._clock.now()):
            raise errors.CredentialInvalid
        account = await self._directory.account(known.row.user_id)
        if account is None or account.user.state != ACTIVE:
            raise errors.CredentialInvalid
        if known.account is not account or known.principal is None:
            known.account, known.principal = account, self._make(known, account)
        return known, known.principal

    def _make(self, known: _Known, account: Account) -> Principal:
        return Principal(
            user_id=known.row.user_id,
            session_id=known.row.api_key_id,
            permissions=known.scopes & self._roles.of(account),
            api_key_id=known.row.api_key_id,
        )

    def _note(self, known: _Known, network: str | None) -> None:
        """Notes a use. Without a network, that of the last one stays."""
        minute, last = self._clock.now().replace(second=0, microsecond=0), known.last_use
        use = Use(minute, network or (last.network if last else None))
        if last is None or minute - last.time >= _NOTED_EVERY or use.network != last.network:
            known.last_use = self._uses[known.row.api_key_id] = use

    async def _load(self, api_key_id: UUID) -> _Known | None:
        async with self._database.transaction() as tx:
            row = await repository.find(tx, api_key_id)
        if row is None:
            return None
        last = Use(row.last_use_time, row.last_use_network) if row.last_use_time else None
        return _Known(row, frozenset(row.scopes), last)

    async def _load_id(self, secret_hash: bytes) -> UUID | None:
        async with self._database.transaction() as tx:
            return await repository.id_by_secret(tx, secret_hash)

    def _changed(self, kind: str, key: str) -> None:
        if kind == "api_key":
            self._keys.forget(UUID(key))


def _is_live(row: ApiKeyRow, now: datetime) -> bool:
    return row.revoke_time is None and (row.expire_time is None or now < row.expire_time)
