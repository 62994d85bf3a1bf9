"""What the users slice needs of this one: passwords, confirmation mail and the end of sessions."""

from uuid import UUID

from server.auth import challenge_repository, repository
from server.auth.moving import Moving
from server.auth.password_checks import Passwords
from server.auth.registration import Registration
from server.platform.clock import Clock
from server.platform.database import Transaction
from server.users.model import UserRow


class Enrolment:
    """Fulfils `server.users.service.Credentials`."""

    def __init__(
        self, *, passwords: Passwords, registration: Registration, moving: Moving, clock: Clock
    ) -> None:
        self._passwords = passwords
        self._registration = registration
        self._moving = moving
        self._clock = clock

    async def encode(self, password: str, *, email: str, display_name: str) -> str:
        """The stored form of a password.

        Raises `errors.PasswordTooWeak`, `errors.PasswordBreached` and `errors.Overloaded`.
        """
        await self._passwords.judge(
            password, field="password", email=email, display_name=display_name
        )
        return await self._passwords.hash(password)

    async def set_password(self, tx: Transaction, user_id: UUID, encoded: str) -> None:
        """Makes a password the one in force."""
        await repository.set_password(tx, user_id, encoded, self._clock.now())

    async def ask_to_verify(self, tx: Transaction, user: UserRow) -> None:
        """Sends the mail that asks to confirm the address."""
        await self._registration.ask_to_verify(tx, user)

    async def address_moved(self, tx: Transaction, user: UserRow) -> None:
        """Makes links mailed to the old address worthless, and asks to confirm the new one."""
        await self._registration.forget_links(tx, user.user_id)
        if not user.email_verified:
            await self._registration.ask_to_verify(tx, user)

    async def ask_to_move(self, tx: Transaction, user_id: UUID, email: str) -> None:
        """Mails a link to the address that an account is to have."""
        await self._moving.ask(tx, user_id, email)

    async def end_sessions(self, tx: Transaction, user_id: UUID, reason: str) -> int:
        """Ends every session of a user, begun or asked for, and says how many there were."""
        now = self._clock.now()
        await challenge_repository.void(tx, user_id, now)
        return await repository.revoke_sessions(tx, user_id, but=None, now=now, reason=reason)
