"""The use cases of accounts."""

from collections.abc import Mapping
from dataclasses import dataclass
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
from server.users import listing, repository, roles
from server.users.addresses import email_key
from server.users.directory import Directory
from server.users.lockouts import Lockouts
from server.users.model import ACTIVE, DISABLED, UserRow
from server.users.repository import Account
from server.users.roles import Role, Roles

_LIST = "users"
_NEEDS_PERMISSION = frozenset({"email", "email_verified"})
_MUTABLE = frozenset({"display_name", "locale"}) | _NEEDS_PERMISSION


class Credentials(Protocol):
    """What accounts need from whoever keeps passwords and sessions."""

    async def encode(self, password: str, *, email: str, display_name: str) -> str:
        """The stored form of a password. Raises `errors.PasswordTooWeak`."""

    async def set_password(self, tx: Transaction, user_id: UUID, encoded: str) -> None:
        """Makes a password the one in force."""

    async def ask_to_verify(self, tx: Transaction, user: UserRow) -> None:
        """Sends the mail that asks to confirm the address."""

    async def address_moved(self, tx: Transaction, user: UserRow) -> None:
        """Makes links mailed to the old address worthless, and asks to confirm the new one."""

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
        """Creates an account. Raises `errors.AlreadyExists` and `errors.PasswordTooWeak`."""
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
                await repository.grant(tx, user.user_id, self._role(role).name, self._clock.now())
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
        """
        await self._check_mask(caller, changes)
        async with self._database.transaction() as tx:
            account = _found(await repository.lock(tx, user_id))
            if etag and etag != etag_of(account.user):
                raise errors.EtagMismatch
            values = dict(changes)
            if "email" in values:
                await self._move_address(tx, account, values)
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
            await self._lockouts.forgive(tx, account.user.email)
            await self._record(tx, caller, Action.UNLOCK_USER, user_id)
            return account

    def listed_roles(self) -> list[Role]:
        """All roles, by name."""
        return self._roles.listed()

    async def grant_role(self, caller: Caller, user_id: UUID, name: str) -> Account:
        """Gives a role. Raises `errors.NotFound` and `errors.PermissionDenied`."""
        role = self._role(name)
        await self._check_holds(caller, Action.GRANT_ROLE, role)
        async with self._database.transaction() as tx:
            _found(await repository.lock(tx, user_id))
            if await repository.grant(tx, user_id, role.name, self._clock.now()):
                await repository.change(tx, user_id, self._clock.now())
            await self._record(tx, caller, Action.GRANT_ROLE, user_id, role=role.name)
            return _found(await repository.find(tx, user_id))

    async def revoke_role(self, caller: Caller, user_id: UUID, name: str) -> Account:
        """Takes a role. Raises `errors.NotFound` and `errors.LastAdministrator`."""
        role = self._role(name)
        await self._check_holds(caller, Action.REVOKE_ROLE, role)
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

    async def _change(self, tx: Transaction, user_id: UUID, values: dict[str, object]) -> None:
        try:
            await repository.change(tx, user_id, self._clock.now(), **values)
        except IntegrityError as error:
            # Somebody took the address between the question and the change.
            raise _taken() from error

    async def _keep_an_administrator(self, tx: Transaction, *, without: UUID) -> None:
        if await repository.lock_holders(tx, roles.ADMIN) == {without}:
            raise errors.LastAdministrator

    async def _check_mask(self, caller: Caller, changes: Mapping[str, object]) -> None:
        immutable = sorted(set(changes) - _MUTABLE)
        if immutable:
            raise errors.InvalidRequest(
                faults=[
                    errors.Fault("update_mask", "mask.immutable", {"name": n}) for n in immutable
                ]
            )
        if "email" in changes and not changes["email"]:
            raise errors.InvalidRequest(faults=[errors.Fault("user.email", "required")])
        if _NEEDS_PERMISSION & set(changes) and not caller.may("users.update"):
            await self._recorder.denied(caller, Action.UPDATE_USER)
            raise errors.PermissionDenied(permission="users.update")

    async def _check_holds(self, caller: Caller, action: Action, role: Role) -> None:
        missing = role.permissions - (
            caller.principal.permissions if caller.principal else frozenset()
        )
        if missing:
            await self._recorder.denied(caller, action)
            raise errors.PermissionDenied(permission=min(missing))

    def _role(self, name: str) -> Role:
        role = self._roles.named(name)
        if role is None:
            raise errors.NotFound(resource="role")
        return role

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


def _taken() -> errors.LimenError:
    return errors.AlreadyExists(faults=[errors.Fault("email", "user.email.taken")], resource="user")
