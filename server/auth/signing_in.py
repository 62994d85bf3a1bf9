"""Proving who one is with a password: sign-in, step-up, and changing the password."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, TypeVar
from uuid import UUID

from server import errors
from server.audit import recorder
from server.audit.actions import Action, Outcome
from server.audit.recorder import Event, Recorder
from server.auth import repository
from server.auth.credentials import Credentials, TokenPair
from server.auth.letters import Letters
from server.auth.model import SessionRow
from server.auth.password_checks import Passwords
from server.caller import Caller
from server.platform.clock import Clock, Entropy
from server.platform.database import Database, Transaction
from server.platform.vault import digest
from server.users import repository as users
from server.users.addresses import email_key
from server.users.lockouts import Lockouts
from server.users.model import ACTIVE
from server.users.repository import Account
from server.users.roles import Roles

T = TypeVar("T")

_NOBODY = UUID(int=0)
_BEGIN_AT_ONCE = 4


class Delivery(Enum):
    """How a client receives what it will present later."""

    TOKENS = auto()
    COOKIE = auto()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session, with the credentials for it: tokens, or a cookie."""

    session: SessionRow
    account: Account
    tokens: TokenPair | None
    cookie: str | None


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A guess that may be evaluated: it has been counted already."""

    email: str
    account: Account | None
    encoded: str | None


class SigningIn:
    """Checks passwords and opens sessions.

    An attempt is counted and committed before its password is looked at, so that a hundred parallel
    guesses are evaluated no more often than the limit says. What an attacker did stays on record:
    evidence is committed first, the refusal raised after.
    """

    def __init__(
        self,
        *,
        database: Database,
        passwords: Passwords,
        lockouts: Lockouts,
        credentials: Credentials,
        letters: Letters,
        recorder: Recorder,
        roles: Roles,
        clock: Clock,
        entropy: Entropy,
        lifetime: timedelta,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._lockouts = lockouts
        self._credentials = credentials
        self._letters = letters
        self._recorder = recorder
        self._roles = roles
        self._clock = clock
        self._entropy = entropy
        self._lifetime = lifetime
        self._running: set[asyncio.Future[Any]] = set()
        # A wave of sign-ins begins one by one, or other calls would wait for all of them to begin.
        self._turns = asyncio.Semaphore(_BEGIN_AT_ONCE)

    async def sign_in(
        self, caller: Caller, email: str, password: str, delivery: Delivery
    ) -> SignedIn:
        """Opens a session.

        Raises `errors.SignInFailed`, `errors.SignInLocked`, `errors.Overloaded`; after the right
        password also `errors.EmailNotVerified` and `errors.AccountDisabled`.
        """
        return await self._to_the_end(self._sign_in(caller, email, password, delivery))

    async def _sign_in(
        self, caller: Caller, email: str, password: str, delivery: Delivery
    ) -> SignedIn:
        attempt = await self._prove(caller, Action.SIGN_IN, email, password)
        account = attempt.account
        if account is None:
            raise errors.SignInFailed
        refusal = _not_usable(account)
        async with self._database.transaction() as tx:
            if refusal is None and not await self._is_unchanged(tx, attempt):
                refusal = errors.SignInFailed()
            if refusal is None:
                await self._lockouts.succeed(tx, email, caller.origin.network)
                signed_in = await self._open(tx, caller, account, delivery)
                await self._record(tx, caller, Action.SIGN_IN, account, signed_in.session)
            else:
                await self._lockouts.give_back(tx, email, caller.origin.network)
                await self._refused(tx, caller, Action.SIGN_IN, account, refusal)
        if refusal is not None:
            raise refusal
        return signed_in

    async def reauthenticate(self, caller: Caller, password: str) -> SignedIn:
        """Replaces the caller's session by one with a new id and a new proof of identity.

        Raises `errors.SignInFailed`, `errors.SignInLocked` and `errors.Overloaded`.
        """
        return await self._to_the_end(self._reauthenticate(caller, password))

    async def _reauthenticate(self, caller: Caller, password: str) -> SignedIn:
        account = await self._own_account(caller)
        attempt = await self._prove(caller, Action.REAUTHENTICATE, account.user.email, password)
        delivery = Delivery.COOKIE if caller.signed_in().by_cookie else Delivery.TOKENS
        async with self._database.transaction() as tx:
            signed_in = None
            if await self._may_go_on(tx, caller, attempt):
                await self._end(tx, caller, "reauthenticated")
                signed_in = await self._open(tx, caller, account, delivery)
                await self._record(tx, caller, Action.REAUTHENTICATE, account, signed_in.session)
            else:
                refusal = errors.CredentialInvalid()
                await self._refused(tx, caller, Action.REAUTHENTICATE, account, refusal)
        if signed_in is None:
            raise errors.CredentialInvalid
        return signed_in

    async def change_password(self, caller: Caller, current: str, new: str) -> None:
        """Replaces the password and ends all other sessions; the owner is told by mail.

        Raises `errors.SignInFailed` for a wrong current password, `errors.SignInLocked`,
        `errors.PasswordTooWeak` and `errors.Overloaded`.
        """
        await self._to_the_end(self._change_password(caller, current, new))

    async def _change_password(self, caller: Caller, current: str, new: str) -> None:
        account = await self._own_account(caller)
        self._passwords.judge(
            new,
            field="new_password",
            email=account.user.email,
            display_name=account.user.display_name,
        )
        encoded = await self._passwords.hash(new)
        attempt = await self._prove(caller, Action.CHANGE_PASSWORD, account.user.email, current)
        async with self._database.transaction() as tx:
            goes_on = await self._may_go_on(tx, caller, attempt)
            if goes_on:
                await self._replace_password(tx, caller, account, encoded)
            else:
                refusal = errors.CredentialInvalid()
                await self._refused(tx, caller, Action.CHANGE_PASSWORD, account, refusal)
        if not goes_on:
            raise errors.CredentialInvalid

    async def _replace_password(
        self, tx: Transaction, caller: Caller, account: Account, encoded: str
    ) -> None:
        principal, now = caller.signed_in(), self._clock.now()
        await repository.set_password(tx, principal.user_id, encoded, now)
        await repository.revoke_sessions(
            tx, principal.user_id, but=principal.session_id, now=now, reason="password changed"
        )
        await self._letters.tell(tx, principal.user_id, template="password_changed")
        await self._record(tx, caller, Action.CHANGE_PASSWORD, account, None)

    async def _may_go_on(self, tx: Transaction, caller: Caller, attempt: _Attempt) -> bool:
        """Settles a proof given within a session; whether the session has lived to see it.

        The password may have been reset, and every session ended, while it was being checked.
        """
        await users.lock(tx, caller.signed_in().user_id)
        await self._lockouts.succeed(tx, attempt.email, caller.origin.network)
        session = await repository.lock_session(tx, caller.signed_in().session_id)
        return (
            session is not None
            and session.revoke_time is None
            and await self._is_unchanged(tx, attempt)
        )

    async def _to_the_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs work to its end even if the caller gives up on it.

        An attempt that was counted is thereby always settled, and nobody is locked out by answers
        that came too late.
        """
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Future[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # it has been raised to the caller, if there still is one

    async def _prove(self, caller: Caller, action: Action, email: str, password: str) -> _Attempt:
        """Counts the attempt, then evaluates it. Returns only for the right password."""
        self._passwords.refuse_overload(expected=len(self._running) - 1)
        attempt = await self._count(caller, action, email)
        try:
            verification = await self._passwords.verify(password, attempt.encoded)
        except errors.Overloaded:
            async with self._database.transaction() as tx:
                await self._lockouts.give_back(tx, email, caller.origin.network)
            raise
        if not verification.matches or attempt.account is None:
            async with self._database.transaction() as tx:
                await self._lockouts.fail(tx, email, caller.origin.network)
                await self._refused(tx, caller, action, attempt.account, errors.SignInFailed())
            raise errors.SignInFailed
        if verification.outdated and attempt.encoded is not None:
            return await self._rehash(attempt, password)
        return attempt

    async def _count(self, caller: Caller, action: Action, email: str) -> _Attempt:
        async with self._turns, self._database.transaction() as tx:
            wait = await self._lockouts.reserve(tx, email, caller.origin.network)
            account = await users.find_by_email(tx, email_key(email))
            if wait is not None:
                await self._refused(tx, caller, action, account, errors.SignInLocked())
            user_id = account.user.user_id if account else _NOBODY
            encoded = await repository.password(tx, user_id)
        if wait is not None:
            raise errors.SignInLocked(retry_after=wait)
        return _Attempt(email, account, encoded)

    async def _rehash(self, attempt: _Attempt, password: str) -> _Attempt:
        """Stores the password under the parameters now in force, if there is time for that."""
        account, old = attempt.account, attempt.encoded
        if account is None or old is None:
            return attempt
        try:
            new = await self._passwords.hash(password)
        except errors.Overloaded:
            return attempt
        user_id = account.user.user_id
        async with self._database.transaction() as tx:
            if await repository.rehash(tx, user_id, old=old, new=new, now=self._clock.now()):
                return _Attempt(attempt.email, account, new)
            current = await repository.password(tx, user_id)
        # Another sign-in was faster, or the password has just changed.
        if (await self._passwords.verify(password, current)).matches:
            return _Attempt(attempt.email, account, current)
        return attempt

    async def _is_unchanged(self, tx: Transaction, attempt: _Attempt) -> bool:
        """Whether account and password are still those that were checked; held until `tx` ends."""
        account = attempt.account
        return account is not None and await repository.is_still_valid(
            tx, account.user.user_id, attempt.encoded
        )

    async def _open(
        self, tx: Transaction, caller: Caller, account: Account, delivery: Delivery
    ) -> SignedIn:
        cookie = self._credentials.new_cookie() if delivery is Delivery.COOKIE else None
        session = self._new_session(caller, account.user.user_id, cookie, self._clock.now())
        await repository.add_session(tx, session)
        tokens = None
        if cookie is None:
            permissions = self._roles.permissions(account.roles)
            tokens = self._credentials.issue(session, permissions)
        return SignedIn(session, account, tokens, cookie)

    def _new_session(
        self, caller: Caller, user_id: UUID, cookie: str | None, now: datetime
    ) -> SessionRow:
        return SessionRow(
            session_id=self._entropy.identifier(),
            user_id=user_id,
            create_time=now,
            last_use_time=now,
            expire_time=now + self._lifetime,
            proof_time=now,
            amr=["pwd"],
            user_agent=caller.origin.user_agent,
            network=caller.origin.network,
            cookie_hash=digest(cookie) if cookie else None,
            refresh_generation=0,
        )

    async def _own_account(self, caller: Caller) -> Account:
        async with self._database.transaction() as tx:
            account = await users.find(tx, caller.signed_in().user_id)
        if account is None:
            raise errors.CredentialInvalid
        return account

    async def _end(self, tx: Transaction, caller: Caller, reason: str) -> None:
        principal = caller.signed_in()
        ended = await repository.revoke_session(
            tx, principal.user_id, principal.session_id, now=self._clock.now(), reason=reason
        )
        if not ended:
            raise errors.CredentialInvalid

    async def _record(
        self,
        tx: Transaction,
        caller: Caller,
        action: Action,
        account: Account,
        session: SessionRow | None,
    ) -> None:
        user_id = account.user.user_id
        details = {"session": str(session.session_id)} if session else {}
        await self._recorder.record(
            tx,
            caller,
            Event(action, actor=user_id, subject=recorder.user(user_id), details=details),
        )

    async def _refused(
        self,
        tx: Transaction,
        caller: Caller,
        action: Action,
        account: Account | None,
        refusal: errors.LimenError,
    ) -> None:
        locked = isinstance(refusal, errors.SignInLocked)
        await self._recorder.record(
            tx,
            caller,
            Event(
                action,
                outcome=Outcome.DENIED if locked else Outcome.FAILURE,
                subject=recorder.user(account.user.user_id) if account else recorder.NOBODY,
                details={"reason": refusal.reason},
            ),
        )


def _not_usable(account: Account) -> errors.LimenError | None:
    if account.user.state != ACTIVE:
        return errors.AccountDisabled()
    if not account.user.email_verified:
        return errors.EmailNotVerified()
    return None
