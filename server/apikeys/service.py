"""The use cases of API keys: making, listing and ending them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from server import errors
from server.apikeys import repository, secret_form
from server.apikeys.live_keys import LiveKeys
from server.apikeys.model import ApiKeyRow
from server.audit import recorder
from server.audit.actions import Action, Outcome
from server.audit.recorder import Event, Recorder, Subject
from server.caller import Caller
from server.platform.clock import Clock, Entropy
from server.platform.database import Database, Transaction
from server.platform.pages import DEFAULT_SIZE, Pages
from server.platform.vault import digest
from server.users import repository as users
from server.users.model import ACTIVE, PERSON
from server.users.roles import Roles

MOST_LIVE_KEYS: Final = 100
LONGEST_LIFE: Final = timedelta(days=365)
USUAL_LIFE: Final = timedelta(days=90)

_LIST = "api keys"


@dataclass(frozen=True, slots=True)
class NewKey:
    """The key to make."""

    display_name: str
    scopes: tuple[str, ...] = ()
    expire_time: datetime | None = None
    """None: after the usual life of a key."""


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key with its secret, which nobody can tell again."""

    row: ApiKeyRow
    secret: str


class ApiKeyService:
    """Keeps the API keys of users. Every change writes its audit event in its own transaction."""

    def __init__(
        self,
        *,
        database: Database,
        live_keys: LiveKeys,
        recorder: Recorder,
        roles: Roles,
        pages: Pages,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._database = database
        self._live_keys = live_keys
        self._recorder = recorder
        self._roles = roles
        self._pages = pages
        self._clock = clock
        self._entropy = entropy

    async def create(self, caller: Caller, new: NewKey) -> MadeKey:
        """Makes a key of the caller's.

        Raises `errors.InvalidRequest`, `errors.PermissionDenied` for a scope that the caller does
        not hold, `errors.LimitReached`, and `errors.CredentialKindRefused` for a service account:
        its tokens are short-lived, and a key would outlive the secret that they came from.
        """
        now = self._clock.now()
        self._check(new, now)
        missing = set(new.scopes) - caller.signed_in().permissions
        if missing:
            await self._recorder.denied(caller, Action.CREATE_API_KEY)
            raise errors.PermissionDenied(permission=min(missing))
        made = self._make(caller.signed_in().user_id, new, now)
        async with self._database.transaction() as tx:
            refusal = await self._refusal(tx, made.row.user_id, now)
            if refusal is None:
                await repository.add(tx, made.row)
            await self._recorder.record(tx, caller, _created(made.row, refusal))
        if refusal is not None:
            raise refusal
        return made

    async def page(
        self, caller: Caller, *, page_size: int, token: str
    ) -> tuple[list[ApiKeyRow], str]:
        """One page of the caller's live keys, and the token of the next page or ''.

        Raises `errors.PageTokenInvalid`.
        """
        size = page_size or DEFAULT_SIZE
        user_id = caller.signed_in().user_id
        position = self._pages.position(_LIST, str(user_id), token)
        await self._live_keys.flush()
        async with self._database.transaction() as tx:
            found = await repository.live_page(
                tx,
                user_id,
                now=self._clock.now(),
                after=UUID(bytes=position) if position else None,
                size=size + 1,
            )
        if len(found) <= size:
            return found, ""
        last = found[size - 1].api_key_id
        return found[:size], self._pages.token(_LIST, str(user_id), last.bytes)

    async def revoke(self, caller: Caller, api_key_id: UUID) -> None:
        """Ends a key of the caller. Raises `errors.NotFound`, also for somebody else's."""
        async with self._database.transaction() as tx:
            ended = await repository.revoke(
                tx, caller.signed_in().user_id, api_key_id, self._clock.now()
            )
            event = Event(
                Action.REVOKE_API_KEY,
                outcome=Outcome.SUCCESS if ended else Outcome.FAILURE,
                subject=_subject(api_key_id),
            )
            await self._recorder.record(tx, caller, event)
        if not ended:
            raise errors.NotFound(resource="api_key")

    def _check(self, new: NewKey, now: datetime) -> None:
        faults = self._unknown_scopes(new.scopes)
        if not new.display_name.strip():
            faults.append(errors.Fault("display_name", "required"))
        if new.expire_time is not None and new.expire_time <= now:
            faults.append(errors.Fault("expire_time", "timestamp.gt_now"))
        elif new.expire_time is not None and new.expire_time > now + LONGEST_LIFE:
            days = {"days": str(LONGEST_LIFE.days)}
            faults.append(errors.Fault("expire_time", "timestamp.within", days))
        if faults:
            raise errors.InvalidRequest(faults=faults)

    def _unknown_scopes(self, scopes: Sequence[str]) -> list[errors.Fault]:
        unknown = set(self._roles.unknown(scopes))
        return [
            errors.Fault(f"scopes[{place}]", "role.permission.unknown", {"name": scope})
            for place, scope in enumerate(scopes)
            if scope in unknown
        ]

    async def _refusal(
        self, tx: Transaction, user_id: UUID, now: datetime
    ) -> errors.LimenError | None:
        """Why a user gets no key. Holds their account, so that keys are made one by one."""
        account = await users.lock(tx, user_id)
        if account is None or account.user.state != ACTIVE:
            return errors.CredentialInvalid()
        if account.user.kind != PERSON:
            return errors.CredentialKindRefused()
        if await repository.count_live(tx, user_id, now) >= MOST_LIVE_KEYS:
            return errors.LimitReached(resource="api_key", limit=str(MOST_LIVE_KEYS))
        return None

    def _make(self, user_id: UUID, new: NewKey, now: datetime) -> MadeKey:
        chance = self._entropy.token(secret_form.CHANCE_BYTES)
        secret = secret_form.make(secret_form.API_KEY, chance)
        row = ApiKeyRow(
            api_key_id=self._entropy.identifier(),
            user_id=user_id,
            display_name=new.display_name.strip(),
            secret_hash=digest(secret),
            hint=secret_form.hint(secret),
            scopes=sorted(set(new.scopes)),
            create_time=now,
            expire_time=new.expire_time or now + USUAL_LIFE,
        )
        return MadeKey(row, secret)


def _created(row: ApiKeyRow, refusal: errors.LimenError | None) -> Event:
    if refusal is not None:
        return recorder.failed(Action.CREATE_API_KEY, reason=refusal.reason)
    return Event(
        Action.CREATE_API_KEY,
        subject=_subject(row.api_key_id),
        details={"scopes": " ".join(row.scopes)},
    )


def _subject(api_key_id: UUID) -> Subject:
    return Subject("api_key", str(api_key_id))
