"""Opening accounts: sign-up, and confirming the address."""

from uuid import UUID

from server import errors
from server.audit import recorder
from server.audit.actions import Action
from server.audit.recorder import Event, Recorder
from server.auth import letters, repository
from server.auth.letters import Letters, Registered
from server.auth.model import OneTimeTokenRow
from server.auth.moving import Moving
from server.auth.one_time_tokens import LIFETIMES, Purpose
from server.auth.password_checks import Passwords
from server.caller import Caller
from server.platform.clock import Clock, Entropy
from server.platform.database import Database, Transaction
from server.platform.vault import digest
from server.users import repository as users
from server.users.addresses import email_key
from server.users.model import UserRow
from server.users.service import NewUser, new_user


class Registration:
    """Opens accounts.

    Until an address is confirmed anybody may sign up with it, so an account takes the password of
    a sign-up only if no other sign-up could be meant. Otherwise its owner chooses one by mail.

    Known and unknown addresses take the same steps, statement for statement, so that neither the
    answer nor its time tells them apart; only the mail does, and its owner alone reads that.
    """

    def __init__(
        self,
        *,
        database: Database,
        passwords: Passwords,
        letters: Letters,
        moving: Moving,
        recorder: Recorder,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._letters = letters
        self._moving = moving
        self._recorder = recorder
        self._clock = clock
        self._entropy = entropy

    async def sign_up(self, caller: Caller, new: NewUser) -> None:
        """Opens an account, or tells the owner of a known address that somebody tried.

        Raises `errors.PasswordTooWeak`, `errors.PasswordBreached` and `errors.Overloaded`.
        """
        await self._passwords.judge(
            new.password, field="password", email=new.email, display_name=new.display_name
        )
        encoded = await self._passwords.hash(new.password)
        user = new_user(new, clock=self._clock, entropy=self._entropy)
        async with self._database.transaction() as tx:
            await users.add(tx, user)
            account = await users.find_by_email(tx, user.email_key)
            if account is None:
                raise errors.Unavailable(retry_after=1.0)
            confirmed = account.user.email_verified
            await self._letters.send_token(
                tx,
                account.user.user_id,
                Purpose.NOTICE if confirmed else Purpose.VERIFY_EMAIL,
                template="sign_up_notice" if confirmed else "verify_email",
                registered=Registered(
                    encoded, user.display_name, user.locale, caller.origin.network
                ),
            )
            event = Event(Action.SIGN_UP, subject=recorder.user(account.user.user_id))
            await self._recorder.record(tx, caller, event)

    async def verify_email(self, caller: Caller, token: str) -> None:
        """Confirms an address, be it the first of an account or its next.

        Raises `errors.TokenInvalid`.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            used = await repository.consume_token(tx, digest(token), Purpose.VERIFY_EMAIL, now)
            works = used is not None
            if used is not None:
                await self._confirm(tx, caller, used)
            else:
                works = await self._moving.confirm(tx, caller, token)
            if not works:
                await self._recorder.record(tx, caller, recorder.failed(Action.VERIFY_EMAIL))
        if not works:
            raise errors.TokenInvalid(faults=[errors.Fault("token", "token.invalid")])

    async def resend(self, caller: Caller, email: str) -> None:
        """Asks for a new confirmation link, should there be something to confirm."""
        async with self._database.transaction() as tx:
            await self._letters.ask_for(tx, letters.RESEND_VERIFICATION, email_key(email))
            await self._recorder.record(tx, caller, Event(Action.RESEND_EMAIL_VERIFICATION))

    async def forget_links(self, tx: Transaction, user_id: UUID) -> None:
        """Makes sure that no link mailed to the account works any more."""
        await repository.void_tokens(tx, user_id, *Purpose, now=self._clock.now())

    async def ask_to_verify(self, tx: Transaction, user: UserRow) -> None:
        """Sends the first confirmation link of an account that somebody else created."""
        await self._letters.send_token(
            tx, user.user_id, Purpose.VERIFY_EMAIL, template="verify_email"
        )

    async def _confirm(self, tx: Transaction, caller: Caller, used: OneTimeTokenRow) -> None:
        now, user_id = self._clock.now(), used.user_id
        await users.lock(tx, user_id)
        values: dict[str, object] = {"email_verified": True}
        if used.encoded is not None and await repository.password(tx, user_id) is None:
            if await self._is_unrivalled(tx, user_id):
                await repository.set_password(tx, user_id, used.encoded, now)
                values |= {"display_name": used.display_name or "", "locale": used.locale or "en"}
            else:
                await self._letters.send_token(
                    tx, user_id, Purpose.RESET_PASSWORD, template="reset_password"
                )
        await users.change(tx, user_id, now, **values)
        # Links of other sign-ups to the same address die with the first that is followed.
        await repository.void_tokens(tx, user_id, Purpose.VERIFY_EMAIL, now=now)
        await self._recorder.record(
            tx,
            caller,
            Event(Action.VERIFY_EMAIL, actor=user_id, subject=recorder.user(user_id)),
        )

    async def _is_unrivalled(self, tx: Transaction, user_id: UUID) -> bool:
        """Whether all sign-ups whose links can still be about came from one place.

        If they did not, the link that is followed need not be that of who follows it.
        """
        since = self._clock.now() - LIFETIMES[Purpose.VERIFY_EMAIL] * 2
        return len(await repository.sign_up_networks(tx, user_id, since)) <= 1
