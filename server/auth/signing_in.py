"""Proving who one is with a password: sign-in, step-up, and changing the password."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import asyncpg

from server import errors
from server.assurance import PASSWORD
from server.audit import recorder
from server.audit.actions import Action, Outcome
from server.audit.recorder import Event, Recorder
from server.auth import repository
from server.auth.challenges import Challenge, Challenges
from server.auth.letters import Letters
from server.auth.new_sessions import NewSessions, SignedIn, not_usable
from server.auth.password_checks import Passwords
from server.auth.repository import Candidate
from server.auth.second_step import Code, SecondStep
from server.caller import Caller, Delivery
from server.platform.clock import Clock
from server.platform.database import Database, Transaction
from server.users import repository as users
from server.users.addresses import email_key
from server.users.failures import Place
from server.users.lockouts import Lockouts
from server.users.model import PERSON
from server.users.repository import Account

T = TypeVar("T")

_BEGIN_AT_ONCE = 4
_METHODS = (PASSWORD,)


@dataclass(frozen=True, slots=True)
class _Proof:
    """An attempt with the right password: of whom, and which stored form it matched."""

    place: Place
    account: Account
    encoded: str


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
        new_sessions: NewSessions,
        challenges: Challenges,
        second_step: SecondStep,
        letters: Letters,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._lockouts = lockouts
        self._new_sessions = new_sessions
        self._challenges = challenges
        self._second_step = second_step
        self._letters = letters
        self._recorder = recorder
        self._clock = clock
        self._running: set[asyncio.Future[Any]] = set()
        # A wave of sign-ins begins one by one, or other calls would wait for all of them to begin.
        self._turns = asyncio.Semaphore(_BEGIN_AT_ONCE)

    async def sign_in(
        self, caller: Caller, email: str, password: str, delivery: Delivery
    ) -> SignedIn | Challenge:
        """Opens a session, or asks for a second factor where the account has one.

        Raises `errors.SignInFailed`, `errors.SignInLocked`, `errors.Overloaded`; after the right
        password also `errors.EmailNotVerified` and `errors.AccountDisabled`.
        """
        return await self._to_the_end(self._sign_in(caller, email, password, delivery))

    async def _sign_in(
        self, caller: Caller, email: str, password: str, delivery: Delivery
    ) -> SignedIn | Challenge:
        proof = await self._prove(caller, Action.SIGN_IN, email, password)
        async with self._database.transaction() as tx:
            outcome = await self._open(tx, caller, proof, delivery)
            if isinstance(outcome, errors.LimenError):
                await self._lockouts.give_back(tx, proof.place)
                await self._refused(tx, caller, Action.SIGN_IN, proof.account, outcome)
            else:
                await self._lockouts.succeed(tx, proof.place)
                await self._record(tx, caller, Action.SIGN_IN, proof.account, outcome)
        if isinstance(outcome, errors.LimenError):
            raise outcome
        return outcome

    async def _open(
        self, tx: Transaction, caller: Caller, proof: _Proof, delivery: Delivery
    ) -> SignedIn | Challenge | errors.LimenError:
        refusal = not_usable(proof.account)
        if refusal is not None:
            return refusal
        signed_in = self._new_sessions.make(caller, proof.account, delivery, _METHODS)
        if await repository.open_session(tx, signed_in.session, proof.encoded):
            return signed_in
        user_id, challenge = proof.account.user.user_id, None
        if await repository.is_still_valid(tx, user_id, proof.encoded):
            challenge = await self._challenges.open(
                tx, user_id, methods=_METHODS, delivery=delivery
            )
        return challenge or errors.SignInFailed()

    async def reauthenticate(
        self, caller: Caller, password: str, code: Code | None
    ) -> SignedIn | Challenge:
        """Replaces the caller's session by one with a new id and a new proof of identity.

        From those who have a second factor it takes a code as well; without one, it asks for it.

        Raises `errors.SignInFailed`, `errors.FactorRejected`, `errors.SignInLocked` and
        `errors.Overloaded`.
        """
        return await self._to_the_end(self._reauthenticate(caller, password, code))

    async def _reauthenticate(
        self, caller: Caller, password: str, code: Code | None
    ) -> SignedIn | Challenge:
        account = await self._own_account(caller)
        proof = await self._prove(caller, Action.REAUTHENTICATE, account.user.email, password)
        async with self._database.transaction() as tx:
            outcome = await self._step_up(tx, caller, proof)
            if isinstance(outcome, errors.LimenError):
                await self._refused(tx, caller, Action.REAUTHENTICATE, account, outcome)
            elif code is None or isinstance(outcome, SignedIn):
                await self._record(tx, caller, Action.REAUTHENTICATE, account, outcome)
        if isinstance(outcome, errors.LimenError):
            raise outcome
        if code is None or isinstance(outcome, SignedIn):
            return outcome
        # The event is that of the second step.
        return await self._second_step.answer(
            caller, Action.REAUTHENTICATE, outcome.token, code, None
        )

    async def _step_up(
        self, tx: Transaction, caller: Caller, proof: _Proof
    ) -> SignedIn | Challenge | errors.LimenError:
        principal = caller.signed_in()
        if not await self._may_go_on(tx, caller, proof):
            return errors.CredentialInvalid()
        delivery = Delivery.COOKIE if principal.by_cookie else Delivery.TOKENS
        challenge = await self._challenges.open(
            tx,
            principal.user_id,
            methods=_METHODS,
            delivery=delivery,
            session_id=principal.session_id,
        )
        if challenge is not None:
            return challenge
        signed_in = self._new_sessions.make(caller, proof.account, delivery, _METHODS)
        await self._end(tx, caller, "reauthenticated")
        await repository.add_session(tx, signed_in.session)
        return signed_in

    async def change_password(self, caller: Caller, current: str, new: str) -> None:
        """Replaces the password and ends all other sessions; the owner is told by mail.

        Raises `errors.SignInFailed` for a wrong current password, `errors.SignInLocked`,
        `errors.PasswordTooWeak`, `errors.PasswordBreached` and `errors.Overloaded`.
        """
        await self._to_the_end(self._change_password(caller, current, new))

    async def _change_password(self, caller: Caller, current: str, new: str) -> None:
        account = await self._own_account(caller)
        await self._passwords.judge(
            new,
            field="new_password",
            email=account.user.email,
            display_name=account.user.display_name,
        )
        encoded = await self._passwords.hash(new)
        proof = await self._prove(caller, Action.CHANGE_PASSWORD, account.user.email, current)
        async with self._database.transaction() as tx:
            goes_on = await self._may_go_on(tx, caller, proof)
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
        await self._challenges.void(tx, principal.user_id)
        await self._letters.tell(tx, principal.user_id, template="password_changed")
        await self._record(tx, caller, Action.CHANGE_PASSWORD, account)

    async def _may_go_on(self, tx: Transaction, caller: Caller, proof: _Proof) -> bool:
        """Settles a proof given within a session; whether the session has lived to see it.

        The password may have been reset, and every session ended, while it was being checked.
        """
        await users.lock(tx, caller.signed_in().user_id)
        await self._lockouts.succeed(tx, proof.place)
        session = await repository.lock_session(tx, caller.signed_in().session_id)
        return (
            session is not None
            and session.revoke_time is None
            and await repository.is_still_valid(tx, session.user_id, proof.encoded)
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

    async def _prove(self, caller: Caller, action: Action, email: str, password: str) -> _Proof:
        """Counts the attempt, then evaluates it. Returns only for the right password."""
        self._passwords.refuse_overload(expected=len(self._running) - 1)
        place = self._lockouts.place(email, caller.origin.network)
        candidate = await self._count(caller, action, email, place)
        account, encoded = candidate.account, candidate.encoded
        try:
            verification = await self._passwords.verify(password, encoded)
        except errors.Overloaded:
            async with self._database.transaction() as tx:
                await self._lockouts.give_back(tx, place)
            raise
        if not verification.matches or account is None or encoded is None:
            async with self._database.transaction() as tx:
                await self._lockouts.fail(tx, place)
                await self._refused(tx, caller, action, account, errors.SignInFailed())
            raise errors.SignInFailed
        proof = _Proof(place, account, encoded)
        return await self._rehash(proof, password) if verification.outdated else proof

    async def _count(self, caller: Caller, action: Action, email: str, place: Place) -> Candidate:
        """Reserves an attempt, which has been committed when this returns."""
        async with self._turns, self._database.statements() as pg:
            candidate, wait = await self._reserve(pg, email, place)
        if wait is None:
            return candidate
        async with self._database.transaction() as tx:
            await self._refused(tx, caller, action, candidate.account, errors.SignInLocked())
        raise errors.SignInLocked(retry_after=wait)

    async def _reserve(
        self, pg: asyncpg.Connection, email: str, place: Place
    ) -> tuple[Candidate, float | None]:
        """Whom the attempt is about, and how many seconds it has to wait if it may not be made."""
        while True:
            candidate = await repository.candidate(pg, place, email_key(email))
            wait = self._lockouts.wait(candidate.standing)
            if wait is not None or await self._lockouts.reserve(pg, candidate.standing):
                return candidate, wait
            # Another attempt was faster, so that there is one less to come.

    async def _rehash(self, proof: _Proof, password: str) -> _Proof:
        """Stores the password under the parameters now in force, if there is time for that."""
        try:
            new = await self._passwords.hash(password)
        except errors.Overloaded:
            return proof
        user_id, old = proof.account.user.user_id, proof.encoded
        async with self._database.transaction() as tx:
            if await repository.rehash(tx, user_id, old=old, new=new, now=self._clock.now()):
                return replace(proof, encoded=new)
            current = await repository.password(tx, user_id)
        # Another sign-in was faster, or the password has just changed.
        if current is not None and (await self._passwords.verify(password, current)).matches:
            return replace(proof, encoded=current)
        return proof

    async def _own_account(self, caller: Caller) -> Account:
        async with self._database.transaction() as tx:
            account = await users.find(tx, caller.signed_in().user_id)
        if account is None:
            raise errors.CredentialInvalid
        if account.user.kind != PERSON:
            raise errors.CredentialKindRefused
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
        outcome: SignedIn | Challenge | None = None,
    ) -> None:
        user_id, details = account.user.user_id, {}
        if isinstance(outcome, SignedIn):
            details = {"session": str(outcome.session.session_id)}
        elif outcome is not None:
            details = {"challenge": str(outcome.challenge_id)}
        # Who has yet to show a second factor may be somebody else.
        actor = None if isinstance(outcome, Challenge) else user_id
        event = Event(action, actor=actor, subject=recorder.user(user_id), details=details)
        await self._recorder.record(tx, caller, event)

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
