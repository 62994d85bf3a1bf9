"""Asking for mail: what the use cases leave for the worker, in their own transaction.

A job names rows, never addresses or tokens; where only an address is known it goes sealed.
"""

from dataclasses import asdict, dataclass
from uuid import UUID

from server.auth import repository
from server.auth.model import OneTimeTokenRow
from server.auth.one_time_tokens import LIFETIMES, Purpose, make
from server.jobs.outbox import Outbox
from server.platform.clock import Clock, Entropy
from server.platform.database import Transaction
from server.platform.vault import Vault, decode, digest, encode

LETTER = "auth.letter"
RESEND_VERIFICATION = "auth.resend_verification"
REQUEST_PASSWORD_RESET = "auth.request_password_reset"

_SEAL = "jobs.outbox/args/address"


@dataclass(frozen=True, slots=True)
class Registered:
    """What somebody chose when they signed up; it counts once their link is followed."""

    encoded: str | None = None
    display_name: str | None = None
    locale: str | None = None
    network: str | None = None


class Letters:
    """Leaves mail for the worker to write and send."""

    def __init__(self, *, outbox: Outbox, vault: Vault, clock: Clock, entropy: Entropy) -> None:
        self._outbox = outbox
        self._vault = vault
        self._clock = clock
        self._entropy = entropy

    async def send_token(
        self,
        tx: Transaction,
        user_id: UUID,
        purpose: Purpose,
        *,
        template: str,
        registered: Registered | None = None,
        email: str | None = None,
    ) -> None:
        """Makes a one-time token and leaves the letter that holds its link.

        The letter goes to `email` where that is given, else to the address of the account.
        """
        now = self._clock.now()
        token_id = self._entropy.identifier()
        row = OneTimeTokenRow(
            token_id=token_id,
            token_hash=digest(make(self._vault, token_id)),
            purpose=purpose.value,
            user_id=user_id,
            create_time=now,
            expire_time=now + LIFETIMES[purpose],
            consume_time=None,
            email=email,
            **asdict(registered or Registered()),
        )
        await repository.add_token(tx, row)
        await self._leave(tx, user_id, template, token_id=str(token_id))

    async def tell(
        self, tx: Transaction, user_id: UUID, *, template: str, address: str | None = None
    ) -> None:
        """Leaves a letter without a token, for another address than the user's if one is given."""
        sealed = {} if address is None else {"address": self._sealed(address)}
        await self._leave(tx, user_id, template, **sealed)

    async def ask_for(self, tx: Transaction, kind: str, email: str) -> None:
        """Leaves a request that concerns whoever has this address, if anybody has."""
        await self._outbox.enqueue(tx, kind, {"address": self._sealed(email)})

    def address(self, sealed: str) -> str:
        """The address that `ask_for` or `tell` was given."""
        return self._vault.open(_SEAL, decode(sealed)).decode()

    def _sealed(self, address: str) -> str:
        return encode(self._vault.seal(_SEAL, address.encode()))

    async def _leave(self, tx: Transaction, user_id: UUID, template: str, **more: str) -> None:
        await self._outbox.enqueue(
            tx, LETTER, {"template": template, "user_id": str(user_id), **more}
        )
