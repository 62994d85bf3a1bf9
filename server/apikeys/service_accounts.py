"""The use cases of service accounts: making them, and the secrets and certificates they have."""

from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from server import errors
from server.apikeys import account_repository, secret_form
from server.apikeys.account_repository import ServiceAccount
from server.apikeys.certificates import CertificateUnreadableError, thumbprint
from server.audit import recorder
from server.audit.actions import Action, Outcome
from server.audit.recorder import Event, Recorder
from server.caller import Caller
from server.platform.clock import Clock, Entropy
from server.platform.database import Database, Transaction
from server.platform.pages import DEFAULT_SIZE, Pages
from server.platform.vault import digest
from server.users import repository as users
from server.users.model import ACTIVE, SERVICE, UserRow
from server.users.roles import Roles

MOST_CERTIFICATES: Final = 10

_LIST = "service accounts"
_BEFORE_ALL = UUID(int=0)


class BoundSessions(Protocol):
    """What service accounts need from whoever keeps sessions."""

    async def end_bound(self, tx: Transaction, user_id: UUID, certificate: str) -> int:
        """Ends the sessions of a user that are bound to a certificate, by its thumbprint.

        Says how many there were.
        """


@dataclass(frozen=True, slots=True)
class MadeServiceAccount:
    """A service account with its secret, which nobody can tell again."""

    service_account: ServiceAccount
    secret: str


class ServiceAccounts:
    """Keeps service accounts. Every change writes its audit event in its own transaction.

    Whoever can give an account a secret or a certificate can act as that account, so this takes
    every permission that the account has: to manage service accounts is no way to more.
    """

    def __init__(
        self,
        *,
        database: Database,
        sessions: BoundSessions,
        recorder: Recorder,
        roles: Roles,
        pages: Pages,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._recorder = recorder
        self._roles = roles
        self._pages = pages
        self._clock = clock
        self._entropy = entropy

    async def create(self, caller: Caller, display_name: str) -> MadeServiceAccount:
        """Makes an account without roles. Raises `errors.InvalidRequest` for a blank name."""
        name = display_name.strip()
        if not name:
            raise errors.InvalidRequest(faults=[errors.Fault("display_name", "required")])
        user, secret = self._new_user(name), self._new_secret()
        async with self._database.transaction() as tx:
            await users.add(tx, user)
            await account_repository.set_secret(tx, user.user_id, digest(secret), user.create_time)
            await self._record(tx, caller, Action.CREATE_SERVICE_ACCOUNT, user.user_id)
            made = _found(await account_repository.find(tx, user.user_id))
        return MadeServiceAccount(made, secret)

    async def page(self, *, page_size: int, token: str) -> tuple[list[ServiceAccount], str]:
        """One page of accounts, and the token of the next page or ''.

        Raises `errors.PageTokenInvalid`.
        """
        size = page_size or DEFAULT_SIZE
        position = self._pages.position(_LIST, "", token)
        after = UUID(bytes=position) if position else _BEFORE_ALL
        async with self._database.transaction() as tx:
            found = await account_repository.page(tx, after=after, size=size + 1)
        if len(found) <= size:
            return found, ""
        last = found[size - 1].account.user.user_id
        return found[:size], self._pages.token(_LIST, "", last.bytes)

    async def rotate_secret(self, caller: Caller, user_id: UUID) -> str:
        """Replaces the secret and returns the new one.

        Raises `errors.NotFound`, and `errors.PermissionDenied` for an account that may do what the
        caller may not.
        """
        secret = self._new_secret()
        async with self._database.transaction() as tx:
            refusal = await self._refusal(tx, caller, Action.ROTATE_SERVICE_ACCOUNT_SECRET, user_id)
            if refusal is None:
                await account_repository.set_secret(tx, user_id, digest(secret), self._clock.now())
                await self._record(tx, caller, Action.ROTATE_SERVICE_ACCOUNT_SECRET, user_id)
        if refusal is not None:
            raise refusal
        return secret

    async def bind_certificate(self, caller: Caller, user_id: UUID, pem: str) -> ServiceAccount:
        """Lets an account sign in with a certificate, given in PEM.

        Raises `errors.InvalidRequest` for what is not one certificate, `errors.NotFound`,
        `errors.AlreadyExists` for a certificate that an account has, `errors.LimitReached`, and
        `errors.PermissionDenied` as `rotate_secret` does.
        """
        certificate = _thumbprint(pem)
        async with self._database.transaction() as tx:
            refusal = await self._refusal(tx, caller, Action.BIND_CERTIFICATE, user_id)
            if refusal is None:
                refusal = await self._bind(tx, caller, user_id, certificate)
            bound = await account_repository.find(tx, user_id)
        if refusal is not None:
            raise refusal
        return _found(bound)

    async def unbind_certificate(
        self, caller: Caller, user_id: UUID, certificate: str
    ) -> ServiceAccount:
        """Takes a certificate, by its thumbprint, from an account; ends the tokens bound to it.

        Raises `errors.NotFound` for the account and for the certificate.
        """
        async with self._database.transaction() as tx:
            held = await users.lock(tx, user_id)
            _found(await account_repository.find(tx, user_id) if held else None)
            if not await account_repository.unbind(tx, certificate, user_id):
                raise errors.NotFound(resource="certificate")
            count = await self._sessions.end_bound(tx, user_id, certificate)
            await self._record(
                tx,
                caller,
                Action.UNBIND_CERTIFICATE,
                user_id,
                certificate=certificate,
                sessions=str(count),
            )
            return _found(await account_repository.find(tx, user_id))

    async def _refusal(
        self, tx: Transaction, caller: Caller, action: Action, user_id: UUID
    ) -> errors.LimenError | None:
        """Why the caller may not act as an account, which nobody else changes until `tx` ends."""
        account = await users.lock(tx, user_id)
        if account is None or account.user.kind != SERVICE:
            return errors.NotFound(resource="service_account")
        missing = sorted(each for each in self._roles.of(account) if not caller.may(each))
        if not missing:
            return None
        event = Event(action, outcome=Outcome.DENIED, subject=recorder.user(user_id))
        await self._recorder.record(tx, caller, event)
        return errors.PermissionDenied(permission=missing[0])

    async def _bind(
        self, tx: Transaction, caller: Caller, user_id: UUID, certificate: str
    ) -> errors.LimenError | None:
        if await account_repository.count_certificates(tx, user_id) >= MOST_CERTIFICATES:
            return errors.LimitReached(resource="certificate", limit=str(MOST_CERTIFICATES))
        if not await account_repository.bind(tx, certificate, user_id, self._clock.now()):
            return errors.AlreadyExists(resource="certificate")
        await self._record(tx, caller, Action.BIND_CERTIFICATE, user_id, certificate=certificate)
        return None

    def _new_secret(self) -> str:
        chance = self._entropy.token(secret_form.CHANCE_BYTES)
        return secret_form.make(secret_form.CLIENT_SECRET, chance)

    def _new_user(self, display_name: str) -> UserRow:
        """The row of a service account: no address ever has its key, so nobody finds it by one."""
        user_id, now = self._entropy.identifier(), self._clock.now()
        return UserRow(
            user_id=user_id,
            email="",
            email_key=f"service:{user_id}",
            email_verified=True,
            display_name=display_name,
            locale="en",
            state=ACTIVE,
            kind=SERVICE,
            version=1,
            create_time=now,
            update_time=now,
        )

    async def _record(
        self, tx: Transaction, caller: Caller, action: Action, user_id: UUID, **details: str
    ) -> None:
        event = Event(action, subject=recorder.user(user_id), details=details)
        await self._recorder.record(tx, caller, event)


def _thumbprint(pem: str) -> str:
    try:
        return thumbprint(pem)
    except CertificateUnreadableError:
        fault = errors.Fault("certificate", "string.pattern")
        raise errors.InvalidRequest(faults=[fault]) from None


def _found(service_account: ServiceAccount | None) -> ServiceAccount:
    if service_account is None:
        raise errors.NotFound(resource="service_account")
    return service_account
