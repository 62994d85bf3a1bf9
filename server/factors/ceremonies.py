"""Ceremonies: a challenge for a browser, and the one answer that may use it up."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from server.factors import passkey_repository as repository
from server.factors.model import CeremonyRow
from server.platform.clock import Clock, Entropy
from server.platform.database import Transaction
from server.platform.vault import digest, encode

LIFETIME = timedelta(minutes=5)
"""How long a browser may take, and its user with it."""

_RANDOM_BYTES = 32


class Purpose(StrEnum):
    """What a ceremony is for. The answer to one kind is never an answer to the other."""

    REGISTER = "register"
    SIGN_IN = "sign_in"


@dataclass(frozen=True, slots=True)
class Begun:
    """A ceremony that waits for its answer."""

    token: str
    """Comes back with the answer. 256 bits of chance, of which only the hash is kept."""
    challenge: bytes
    """What the authenticator signs; never the token, which no authenticator needs to know."""
    expire_time: datetime


class Ceremonies:
    """Begins ceremonies and uses them up."""

    def __init__(self, *, clock: Clock, entropy: Entropy) -> None:
        self._clock = clock
        self._entropy = entropy

    async def begin(
        self,
        tx: Transaction,
        purpose: Purpose,
        *,
        user_id: UUID | None = None,
        challenge_hash: bytes | None = None,
    ) -> Begun:
        """Begins a ceremony for a passkey of `user_id`; of anybody, without one.

        `challenge_hash` names the challenge of a sign-in that the passkey is to answer.
        """
        now = self._clock.now()
        token = encode(self._entropy.token(_RANDOM_BYTES))
        ceremony = CeremonyRow(
            ceremony_id=self._entropy.identifier(),
            token_hash=digest(token),
            purpose=purpose.value,
            challenge=self._entropy.token(_RANDOM_BYTES),
            user_id=user_id,
            challenge_hash=challenge_hash,
            create_time=now,
            expire_time=now + LIFETIME,
        )
        await repository.add_ceremony(tx, ceremony)
        return Begun(token, ceremony.challenge, ceremony.expire_time)

    async def use_up(
        self, tx: Transaction, purpose: Purpose, token: str, *, user_id: UUID | None = None
    ) -> CeremonyRow | None:
        """The ceremony of a token, which is worthless once `tx` commits; one caller wins.

        None when it is unknown, used, expired, for another purpose, or belongs to somebody else
        than `user_id`, where one is given. `tx` is to commit before the answer is looked at, so
        that nothing in an answer can bring its ceremony back.
        """
        return await repository.consume_ceremony(
            tx, digest(token), purpose.value, user_id, self._clock.now()
        )
