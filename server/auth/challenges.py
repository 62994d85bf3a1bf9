"""Challenges: a proof that was given, waiting for a second factor.

The token of one opens nothing by itself. It is worth only what the factor is worth that is shown
with it, once, for a few minutes, as long as nothing about the account has changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from server import assurance, errors
from server.assurance import SecondFactor
from server.audit import recorder
from server.audit.actions import Action
from server.audit.recorder import Event, Recorder
from server.auth import challenge_repository, repository
from server.auth.model import ChallengeRow
from server.auth.new_sessions import NewSessions, SignedIn, not_usable
from server.caller import Caller, Delivery
from server.platform.clock import Clock, Entropy
from server.platform.database import Transaction
from server.platform.vault import digest, encode
from server.users import repository as users

LIFETIME = timedelta(minutes=5)

_TOKEN_BYTES = 32


class SecondFactors(Protocol):
    """What sign-ins need of whoever keeps the factors."""

    async def offered(self, tx: Transaction, user_id: UUID) -> Sequence[SecondFactor]:
        """The ways in which a user can answer a challenge. Empty: they have no factor."""

    async def verify(self, tx: Transaction, user_id: UUID, kind: SecondFactor, code: str) -> bool:
        """Whether this is a code of the user that works now. It works for nobody after that."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What its owner is told of a challenge."""

    challenge_id: UUID
    token: str
    factors: Sequence[SecondFactor]
    expire_time: datetime


class Challenges:
    """Opens challenges, and sessions for those who answer them.

    Each method is a part of its caller's transaction. Whoever locks the account first
    (`users.repository.lock`), as `complete` does, has every challenge of it to themselves.
    """

    def __init__(
        self,
        *,
        factors: SecondFactors,
        new_sessions: NewSessions,
        recorder: Recorder,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._factors = factors
        self._new_sessions = new_sessions
        self._recorder = recorder
        self._clock = clock
        self._entropy = entropy

    async def open(
        self,
        tx: Transaction,
        user_id: UUID,
        *,
        methods: Sequence[str],
        delivery: Delivery,
        session_id: UUID | None = None,
    ) -> Challenge | None:
        """Asks a user for a second factor; None when they have none.

        `methods` say what they have proved by now (RFC 8176), and `session_id` names the session
        that the new one is to replace.
        """
        factors = await self._factors.offered(tx, user_id)
        if not factors:
            return None
        now = self._clock.now()
        challenge = Challenge(
            challenge_id=self._entropy.identifier(),
            token=encode(self._entropy.token(_TOKEN_BYTES)),
            factors=factors,
            expire_time=now + LIFETIME,
        )
        row = ChallengeRow(
            challenge_id=challenge.challenge_id,
            token_hash=digest(challenge.token),
            user_id=user_id,
            session_id=session_id,
            amr=list(methods),
            delivery=delivery.value,
            create_time=now,
            expire_time=challenge.expire_time,
            consume_time=None,
        )
        await challenge_repository.add(tx, row)
        return challenge

    async def owner(self, tx: Transaction, token_hash: bytes) -> UUID | None:
        """Whose challenge has the token with this digest; None unless it can still be answered."""
        challenge = await challenge_repository.live(tx, token_hash, self._clock.now())
        return challenge.user_id if challenge else None

    async def lock_owner(self, tx: Transaction, token_hash: bytes) -> UUID | None:
        """As `owner`; and nobody else answers a challenge of this user until `tx` ends."""
        user_id = await self.owner(tx, token_hash)
        if user_id is None or await users.lock(tx, user_id) is None:
            return None
        # It may have been answered before the account could be locked.
        return await self.owner(tx, token_hash)

    async def void(self, tx: Transaction, user_id: UUID) -> None:
        """Makes sure that no open challenge of a user can be answered any more."""
        await challenge_repository.void(tx, user_id, self._clock.now())

    async def complete(
        self,
        tx: Transaction,
        caller: Caller,
        action: Action,
        *,
        user_id: UUID,
        methods: Sequence[str],
        challenge: bytes | None,
        delivery: Delivery | None,
    ) -> SignedIn | errors.LimenError:
        """Opens a session for a user whose factor has just been verified in `tx`.

        Writes the event of `action` either way, and returns what its caller is to raise once that
        has been committed: `errors.ChallengeInvalid`, and for a sign-in without a challenge
        `errors.AccountDisabled` and `errors.EmailNotVerified`.

        Args:
            tx: The transaction of the verification.
            caller: Who called.
            action: What the event is to say that was done.
            user_id: Whose factor it was.
            methods: What the factor proves (RFC 8176).
            challenge: The digest of the challenge's token; None when the factor stands alone.
            delivery: How credentials are wanted. None: as at the first step, else as tokens. Who
                steps up keeps the kind they have.
        """
        outcome = await self._open_session(tx, caller, user_id, methods, challenge, delivery)
        subject = recorder.user(user_id)
        if isinstance(outcome, SignedIn):
            details = {"session": str(outcome.session.session_id)}
            event = Event(action, actor=user_id, subject=subject, details=details)
        else:
            event = recorder.failed(action, subject=subject, reason=outcome.reason)
        await self._recorder.record(tx, caller, event)
        return outcome

    async def _open_session(
        self,
        tx: Transaction,
        caller: Caller,
        user_id: UUID,
        methods: Sequence[str],
        challenge: bytes | None,
        delivery: Delivery | None,
    ) -> SignedIn | errors.LimenError:
        account = await users.lock(tx, user_id)
        if account is None:
            return errors.ChallengeInvalid()
        refusal = not_usable(account)
        if challenge is not None:
            first = await self._use_up(tx, user_id, challenge)
            if first is None or refusal is not None:
                return errors.ChallengeInvalid()
            methods = assurance.together(first.amr, methods)
            steps_up = first.session_id is not None
            delivery = Delivery(first.delivery) if steps_up or delivery is None else delivery
        if refusal is not None:
            return refusal
        signed_in = self._new_sessions.make(caller, account, delivery or Delivery.TOKENS, methods)
        await repository.add_session(tx, signed_in.session)
        return signed_in

    async def _use_up(
        self, tx: Transaction, user_id: UUID, token_hash: bytes
    ) -> ChallengeRow | None:
        """Uses a challenge up, and ends the session that is to be replaced, if that still lives."""
        now = self._clock.now()
        challenge = await challenge_repository.consume(tx, token_hash, user_id, now)
        if challenge is None or challenge.session_id is None:
            return challenge
        ended = await repository.revoke_session(
            tx, user_id, challenge.session_id, now=now, reason="reauthenticated"
        )
        return challenge if ended else None
