"""The use cases of accounts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from server import errors
from server.audit import recorder
from server.audit.actions import Action
from server.audit.recorder import Event, Recorder
from server.caller import Caller
from server.platform import filters
from server.platform.clock import Clock, Entropy
from server.platform.database import Database, Transaction, announce
from server.platform.pages import DEFAULT_SIZE, Pages
from server.users import listing, repository, role_repository, roles
from server.users.addresses import email_key
from server.users.directory import Directory
from server.users.lockouts import Lockouts
from server.users.model import ACTIVE, DISABLED, PERSON, UserRow
from server.users.repository import Account
from server.users.roles import Role, Roles

_LIST = "users"
_RETRY_AFTER = 0.1
_UPDATE = "users.update"
_FRESH = timedelta(minutes=10)
"""How old the proof may be of somebody who changes their own address."""
_NEEDS_PERMISSION = frozenset({"email", "email_verified"})
_MUTABLE = frozenset({"display_name", "locale"}) | _NEEDS_PERMISSION


class Credentials(Protocol):
    """What accounts need from whoever keeps passwords and sessions."""

    async def encode(self, password: str, *, email: str, display_name: str) -> str:
        """The stored form of a password. Raises `errors.PasswordTooWeak` and
        `errors.PasswordBreached`.
        """

    async def set_password(self, tx: Transaction, user_id: UUID, encoded: str) -> None:
        """Makes a password the one in force."""

    async def ask_to_verify(self, tx: Transaction, user: UserRow) -> None:
        """Sends the mail that asks to confirm the address."""

    async def address_moved(self, tx: Transaction, user: UserRow) -> None:
        """Makes links mailed to the old address worthless, and asks to confirm the new one."""

    async def ask_to_move(self, tx: Transaction, user_id: UUID, email: str) -> None:
        """Mails a link to the address that an account is to have."""

    async def end_sessions(self, tx: Transaction, user_id: UUID, reason: str) -> int:
        """Ends every session of a user and says how many there were."""


@dataclass(frozen=True, slots=True)
class NewUser:
    """The account to create."""

    email: str
    display_name: str = ""
    locale: str = ""
    email_verified: bool = False
    password: str = ""
    """Empty: the account has no password until its owner resets it."""
    roles: tuple[str, ...] = ()


class UserService:
    """Keeps the accounts. Every change writes its audit event in its own transaction."""

    def __init__(
        self,
        *,
        database: Database,
        directory: Directory,
        recorder: Recorder,
        credentials: Credentials,
        lockouts: Lockouts,
        roles: Roles,
        pages: Pages,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._database = database
        self._directory = directory
        self._recorder = recorder
        self._credentials = credentials
        self._lockouts = lockouts
        self._roles = roles
        self._pages = pages
        self._clock = clock
        self._entropy = entropy

    async def get(self, user_id: UUID) -> Account:
        """Returns one account. Raises `errors.NotFound`."""
        return _found(await self._directory.account(user_id))

    async def page(
        self, *, filter_text: str, page_size: int, token: str
    ) -> tuple[list[Account], str]:
        """One page of accounts, and the token of the next page or ''."""
        size = page_size or DEFAULT_SIZE
        position = self._pages.position(_LIST, filter_text, token)
        conditions = filters.parse(filter_text, listing.FIELDS)
        async with self._database.transaction() as tx:
            found = await repository.page(
                tx,
                conditions=conditions,
                after=UUID(bytes=position) if position else None,
                size=size + 1,
            )
        if len(found) <= size:
            return found, ""
        last = found[size - 1].user.user_id
        return found[:size], self._pages.token(_LIST, filter_text, last.bytes)

    async def create(self, caller: Caller, new: NewUser) -> Account:
        """Creates an account.

        Raises `errors.AlreadyExists`, `errors.PasswordTooWeak` and `errors.PasswordBreached`.
        """
        encoded = ""
        if new.password:
            encoded = await self._credentials.encode(
                new.password, email=new.email, display_name=new.display_name
            )
        user = new_user(new, clock=self._clock, entropy=self._entropy)
        async with self._database.transaction() as tx:
            if not await repository.add(tx, user):
                raise _taken()
            for role in new.roles:
                await repository.grant(tx, user.user_id, role, self._clock.now())
            if encoded:
                await self._credentials.set_password(tx, user.user_id, encoded)
            if not new.email_verified:
                await self._credentials.ask_to_verify(tx, user)
            await self._record(tx, caller, Action.CREATE_USER, user.user_id)
            return _found(await repository.find(tx, user.user_id))

    async def update(
        self, caller: Caller, user_id: UUID, changes: Mapping[str, object], etag: str
    ) -> Account:
        """Sets the named fields.

        Raises `errors.NotFound`, `errors.EtagMismatch`, `errors.AlreadyExists` for an address in
        use, and `errors.PermissionDenied` for fields that are not the caller's to change.

        Those who change their own address are asked to confirm the new one first, which takes a
        fresh proof: `errors.ProofTooOld`.
        """
        await self._check_mask(caller, user_id, changes)
        async with self._database.transaction() as tx:
            account = _found(await repository.lock(tx, user_id))
            if etag and etag != etag_of(account.user):
                raise errors.EtagMismatch
            values = dict(changes)
            if account.user.kind != PERSON:
                _refuse_address(values)
            if "email" in values and caller.may(_UPDATE):
                await self._move_address(tx, account, values)
            elif "email" in values:
                await self._ask_to_move(tx, caller, account, str(values.pop("email")))
            if values:
                await self._change(tx, user_id, values)
            await self._record(
                tx, caller, Action.UPDATE_USER, user_id, fields=",".join(sorted(changes))
            )
            changed = _found(await repository.find(tx, user_id))
            if changed.user.email_key != account.user.email_key:
                await self._credentials.address_moved(tx, changed.user)
            return changed

    async def disable(self, caller: Caller, user_id: UUID) -> Account:
        """Closes an account and ends its sessions.

        Raises `errors.NotFound` and `errors.LastAdministrator`.
        """
        async with self._database.transaction() as tx:
            await self._keep_an_administrator(tx, without=user_id)
            account = _found(await repository.lock(tx, user_id))
            if account.user.state != DISABLED:
                await repository.change(tx, user_id, self._clock.now(), state=DISABLED)
                await self._credentials.end_sessions(tx, user_id, "account disabled")
            await self._record(tx, caller, Action.DISABLE_USER, user_id)
            return _found(await repository.find(tx, user_id))

    async def enable(self, caller: Caller, user_id: UUID) -> Account:
        """Opens an account again. Raises `errors.NotFound`."""
        async with self._database.transaction() as tx:
            account = _found(await repository.lock(tx, user_id))
            if account.user.state != ACTIVE:
                await repository.change(tx, user_id, self._clock.now(), state=ACTIVE)
            await self._record(tx, caller, Action.ENABLE_USER, user_id)
            return _found(await repository.find(tx, user_id))

    async def unlock(self, caller: Caller, user_id: UUID) -> Account:
        """Forgets the failed sign-ins of an account. Raises `errors.NotFound`."""
        async with self._database.transaction() as tx:
            account = _found(await repository.lock(tx, user_id))
            await self._lockouts.forgive(tx, account.user.email_key)
            # Second factors count under the id.
            await self._lockouts.forgive(tx, str(user_id))
            await self._record(tx, caller, Action.UNLOCK_USER, user_id)
            return account

    async def grant_role(self, caller: Caller, user_id: UUID, name: str) -> Account:
        """Gives a role. Raises `errors.NotFound` and `errors.PermissionDenied`."""
        role = await self._role_to_give(caller, Action.GRANT_ROLE, name)
        async with self._database.transaction() as tx:
            _found(await repository.lock(tx, user_id))
            await self._hold_role(tx, role)
            if await repository.grant(tx, user_id, role.name, self._clock.now()):
                await repository.change(tx, user_id, self._clock.now())
            await self._record(tx, caller, Action.GRANT_ROLE, user_id, role=role.name)
            return _found(await repository.find(tx, user_id))

    async def revoke_role(self, caller: Caller, user_id: UUID, name: str) -> Account:
        """Takes a role. Raises `errors.NotFound` and `errors.LastAdministrator`."""
        role = await self._role_to_give(caller, Action.REVOKE_ROLE, name)
        async with self._database.transaction() as tx:
            if role.name == roles.ADMIN:
                await self._keep_an_administrator(tx, without=user_id)
            _found(await repository.lock(tx, user_id))
            if await repository.revoke(tx, user_id, role.name):
                await repository.change(tx, user_id, self._clock.now())
            await self._record(tx, caller, Action.REVOKE_ROLE, user_id, role=role.name)
            return _found(await repository.find(tx, user_id))

    async def has_administrator(self) -> bool:
        """Whether anybody can administer limen."""
        async with self._database.transaction() as tx:
            return bool(await repository.lock_holders(tx, roles.ADMIN))

    async def _move_address(
        self, tx: Transaction, account: Account, values: dict[str, object]
    ) -> None:
        key = email_key(str(values["email"]))
        if await repository.email_is_taken(tx, key, by_other_than=account.user.user_id):
            raise _taken()
        values["email_key"] = key
        if key != account.user.email_key:
            values.setdefault("email_verified", False)

    async def _ask_to_move(
        self, tx: Transaction, caller: Caller, account: Account, email: str
    ) -> None:
        if email == account.user.email:
            return
        proved = caller.signed_in().proof_time
        if proved is None or self._clock.now() - proved > _FRESH:
            raise errors.ProofTooOld(maxAgeSeconds=f"{_FRESH.total_seconds():.0f}")
        await self._credentials.ask_to_move(tx, account.user.user_id, email)

    async def _change(self, tx: Transaction, user_id: UUID, values: dict[str, object]) -> None:
        try:
            await repository.change(tx, user_id, self._clock.now(), **values)
        except IntegrityError as error:
            # Somebody took the address between the question and the change.
            raise _taken() from error

    async def _keep_an_administrator(self, tx: Transaction, *, without: UUID) -> None:
        if await repository.lock_holders(tx, roles.ADMIN) == {without}:
            raise errors.LastAdministrator

    async def _check_mask(
        self, caller: Caller, user_id: UUID, changes: Mapping[str, object]
    ) -> None:
        immutable = sorted(set(changes) - _MUTABLE)
        if immutable:
            raise errors.InvalidRequest(
                faults=[
                    errors.Fault("update_mask", "mask.immutable", {"name": n}) for n in immutable
                ]
            )
        if "email" in changes and not changes["email"]:
            raise errors.InvalidRequest(faults=[errors.Fault("user.email", "required")])
        is_own = caller.principal is not None and caller.principal.user_id == user_id
        guarded = _NEEDS_PERMISSION - {"email"} if is_own else _NEEDS_PERMISSION
        if guarded & set(changes) and not caller.may(_UPDATE):
            await self._recorder.denied(caller, Action.UPDATE_USER)
            raise errors.PermissionDenied(permission=_UPDATE)

    async def _role_to_give(self, caller: Caller, action: Action, name: str) -> Role:
        """A role that the caller may give and take, for they hold all that it holds."""
        role = self._roles.named(name)
        if role is None:
            async with self._database.transaction() as tx:
                role = await role_repository.find(tx, name)
        if role is None:
            raise errors.NotFound(resource="role")
        missing = sorted(each for each in role.permissions if not caller.may(each))
        if missing:
            await self._recorder.denied(caller, action)
            raise errors.PermissionDenied(permission=missing[0])
        return role

    async def _hold_role(self, tx: Transaction, role: Role) -> None:
        """Keeps a custom role as it was judged until `tx` ends: it may be changing just now."""
        if not role.is_built_in and await role_repository.find(tx, role.name, lock=True) != role:
            raise errors.Unavailable(retry_after=_RETRY_AFTER)

    async def _record(
        self, tx: Transaction, caller: Caller, action: Action, user_id: UUID, **details: str
    ) -> None:
        announce(tx, "user", str(user_id))
        event = Event(action, subject=recorder.user(user_id), details=details)
        await self._recorder.record(tx, caller, event)


def new_user(new: NewUser, *, clock: Clock, entropy: Entropy) -> UserRow:
    """The row of a new account."""
    now = clock.now()
    return UserRow(
        user_id=entropy.identifier(),
        email=new.email,
        email_key=email_key(new.email),
        email_verified=new.email_verified,
        display_name=new.display_name.strip(),
        locale=new.locale or "en",
        state=ACTIVE,
        kind=PERSON,
        version=1,
        create_time=now,
        update_time=now,
    )


def etag_of(user: UserRow) -> str:
    """Changes whenever the account does."""
    return str(user.version)


def _found(account: Account | None) -> Account:
    if account is None:
        raise errors.NotFound(resource="user")
    return account


def _refuse_address(changes: Mapping[str, object]) -> None:
    """A service account has no address, and nothing to say of one."""
    faults = [
        errors.Fault("update_mask", "mask.immutable", {"name": name})
        for name in sorted(_NEEDS_PERMISSION & set(changes))
    ]
    if faults:
        raise errors.InvalidRequest(faults=faults)


def _taken() -> errors.LimenError:
    return errors.AlreadyExists(faults=[errors.Fault("email", "user.email.taken")], resource="user")
