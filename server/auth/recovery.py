"""Getting back in: a password that is forgotten is set anew with a mailed link."""

from uuid import UUID

from server import errors
from server.audit import recorder
from server.audit.actions import Action
from server.audit.recorder import Event, Recorder
from server.auth import challenge_repository, letters, repository
from server.auth.letters import Letters
from server.auth.one_time_tokens import Purpose
from server.auth.password_checks import Passwords
from server.caller import Caller
from server.platform.clock import Clock
from server.platform.database import Database, Transaction
from server.platform.vault import digest
from server.users import repository as users
from server.users.addresses import email_key
from server.users.lockouts import Lockouts
from server.users.repository import Account


class Recovery:
    """Resets passwords."""

    def __init__(
        self,
        *,
        database: Database,
        passwords: Passwords,
        lockouts: Lockouts,
        letters: Letters,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._lockouts = lockouts
        self._letters = letters
        self._recorder = recorder
        self._clock = clock

    async def request(self, caller: Caller, email: str) -> None:
        """Asks for a link, should somebody have this address. The worker finds out who."""
        async with self._database.transaction() as tx:
            await self._letters.ask_for(tx, letters.REQUEST_PASSWORD_RESET, email_key(email))
            await self._recorder.record(tx, caller, Event(Action.REQUEST_PASSWORD_RESET))

    async def reset(self, caller: Caller, token: str, password: str) -> None:
        """Sets the password, ends all sessions and tells the owner.

        Following the link shows that mail reaches the owner, so it confirms the address as well.
        A password that is too weak does not use the token up.

        Raises `errors.TokenInvalid`, `errors.PasswordTooWeak`, `errors.PasswordBreached` and
        `errors.Overloaded`.
        """
        encoded = await self._judge_and_hash(await self._owner(caller, token), password)
        now = self._clock.now()
        async with self._database.transaction() as tx:
            used = await repository.consume_token(tx, digest(token), Purpose.RESET_PASSWORD, now)
            if used is not None:
                await self._replace(tx, caller, used.user_id, encoded)
            else:
                await self._recorder.record(tx, caller, recorder.failed(Action.RESET_PASSWORD))
        if used is None:
            raise _invalid()

    async def _owner(self, caller: Caller, token: str) -> Account:
        """Whose password the token resets; it is not used up yet."""
        async with self._database.transaction() as tx:
            user_id = await repository.token_owner(
                tx, digest(token), Purpose.RESET_PASSWORD, self._clock.now()
            )
            account = await users.find(tx, user_id) if user_id else None
            if account is None:
                await self._recorder.record(tx, caller, recorder.failed(Action.RESET_PASSWORD))
        if account is None:
            raise _invalid()
        return account

    async def _judge_and_hash(self, account: Account, password: str) -> str:
        await self._passwords.judge(
            password,
            field="new_password",
            email=account.user.email,
            display_name=account.user.display_name,
        )
        return await self._passwords.hash(password)

    async def _replace(self, tx: Transaction, caller: Caller, user_id: UUID, encoded: str) -> None:
        now = self._clock.now()
        account = await users.lock(tx, user_id)
        if account is None:
            raise _invalid()
        await repository.set_password(tx, user_id, encoded, now)
        await repository.void_tokens(
            tx, user_id, Purpose.RESET_PASSWORD, Purpose.VERIFY_EMAIL, now=now
        )
        await repository.revoke_sessions(tx, user_id, but=None, now=now, reason="password reset")
        await challenge_repository.void(tx, user_id, now)
        await self._lockouts.forgive(tx, account.user.email)
        if not account.user.email_verified:
            await users.change(tx, user_id, now, email_verified=True)
        await self._letters.tell(tx, user_id, template="password_changed")
        await self._recorder.record(
            tx,
            caller,
            Event(Action.RESET_PASSWORD, actor=user_id, subject=recorder.user(user_id)),
        )


def _invalid() -> errors.LimenError:
    return errors.TokenInvalid(faults=[errors.Fault("token", "token.invalid")])
