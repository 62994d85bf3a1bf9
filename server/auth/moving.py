"""Moving an account to another address: asked for by its owner, done once the new one answers."""

from uuid import UUID

from server.audit import recorder
from server.audit.actions import Action
from server.audit.recorder import Event, Recorder
from server.auth import repository
from server.auth.letters import Letters
from server.auth.model import OneTimeTokenRow
from server.auth.one_time_tokens import Purpose
from server.caller import Caller
from server.platform.clock import Clock
from server.platform.database import Transaction
from server.platform.vault import digest
from server.users import repository as users
from server.users.addresses import email_key


class Moving:
    """Changes the address of an account.

    Whether the new address has an account is found out by the worker that writes the letter, and
    again when its link is followed: the answer to the request never tells.
    """

    def __init__(self, *, letters: Letters, recorder: Recorder, clock: Clock) -> None:
        self._letters = letters
        self._recorder = recorder
        self._clock = clock

    async def ask(self, tx: Transaction, user_id: UUID, email: str) -> None:
        """Mails a link to the new address. Links of earlier requests stop working."""
        await repository.void_tokens(tx, user_id, Purpose.CHANGE_EMAIL, now=self._clock.now())
        await self._letters.send_token(
            tx, user_id, Purpose.CHANGE_EMAIL, template="change_email", email=email
        )

    async def confirm(self, tx: Transaction, caller: Caller, token: str) -> bool:
        """Moves the account that a mailed token is for. False when the token does not work.

        The old address is told, and whatever was mailed to it stops working.
        """
        now = self._clock.now()
        used = await repository.consume_token(tx, digest(token), Purpose.CHANGE_EMAIL, now)
        return used is not None and await self._move(tx, caller, used)

    async def _move(self, tx: Transaction, caller: Caller, used: OneTimeTokenRow) -> bool:
        now, user_id, email = self._clock.now(), used.user_id, used.email or ""
        account = await users.lock(tx, user_id)
        if account is None or await users.email_is_taken(
            tx, email_key(email), by_other_than=user_id
        ):
            return False
        await users.change(
            tx, user_id, now, email=email, email_key=email_key(email), email_verified=True
        )
        await repository.void_tokens(tx, user_id, *Purpose, now=now)
        await self._letters.tell(tx, user_id, template="email_changed", address=account.user.email)
        event = Event(
            Action.VERIFY_EMAIL,
            actor=user_id,
            subject=recorder.user(user_id),
            details={"changed": "email"},
        )
        await self._recorder.record(tx, caller, event)
        return True
