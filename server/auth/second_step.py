"""The second step of a sign-in or a step-up: answering a challenge with a code."""

from dataclasses import dataclass, field

from server import errors
from server.assurance import CODE, SecondFactor
from server.audit import recorder
from server.audit.actions import Action, Outcome
from server.audit.recorder import Event, Recorder, Subject
from server.auth.challenges import Challenges, SecondFactors
from server.auth.new_sessions import SignedIn
from server.caller import Caller, Delivery
from server.platform.database import Database, Transaction
from server.platform.vault import digest
from server.users.lockouts import Lockouts


@dataclass(frozen=True, slots=True)
class Code:
    """What somebody typed to show a second factor."""

    kind: SecondFactor
    text: str = field(repr=False)


class SecondStep:
    """Opens sessions for those who answer a challenge with a code.

    Wrong codes count for the account, whatever challenge they were meant for. An attempt is
    counted, evaluated and settled in one transaction that has the account to itself, so a hundred
    parallel guesses are evaluated one after the other, and no more often than the limit says. Only
    those who know the password can try at all.
    """

    def __init__(
        self,
        *,
        database: Database,
        challenges: Challenges,
        factors: SecondFactors,
        lockouts: Lockouts,
        recorder: Recorder,
    ) -> None:
        self._database = database
        self._challenges = challenges
        self._factors = factors
        self._lockouts = lockouts
        self._recorder = recorder

    async def answer(
        self, caller: Caller, action: Action, token: str, code: Code, delivery: Delivery | None
    ) -> SignedIn:
        """Opens the session that the challenge with this token stands before.

        `action` is what the event says was done; without `delivery` credentials are handed over as
        was asked for at the first step.

        Raises `errors.ChallengeInvalid`, `errors.FactorRejected` and `errors.SignInLocked`.
        """
        async with self._database.transaction() as tx:
            outcome = await self._judge(tx, caller, action, digest(token), code, delivery)
        if isinstance(outcome, errors.LimenError):
            raise outcome
        return outcome

    async def _judge(
        self,
        tx: Transaction,
        caller: Caller,
        action: Action,
        challenge: bytes,
        code: Code,
        delivery: Delivery | None,
    ) -> SignedIn | errors.LimenError:
        user_id = await self._challenges.lock_owner(tx, challenge)
        if user_id is None:
            return await self._refused(
                tx, caller, action, recorder.NOBODY, errors.ChallengeInvalid()
            )
        subject = recorder.user(user_id)
        place = self._lockouts.place(str(user_id), caller.origin.network)
        wait = await self._lockouts.claim(tx, place)
        if wait is not None:
            refusal = errors.SignInLocked(retry_after=wait)
            return await self._refused(tx, caller, action, subject, refusal)
        if not await self._factors.verify(tx, user_id, code.kind, code.text):
            await self._lockouts.fail(tx, place)
            return await self._refused(tx, caller, action, subject, errors.FactorRejected())
        await self._lockouts.succeed(tx, place)
        return await self._challenges.complete(
            tx,
            caller,
            action,
            user_id=user_id,
            methods=(CODE,),
            challenge=challenge,
            delivery=delivery,
        )

    async def _refused(
        self,
        tx: Transaction,
        caller: Caller,
        action: Action,
        subject: Subject,
        refusal: errors.LimenError,
    ) -> errors.LimenError:
        """Writes down why an attempt came to nothing, and returns the refusal."""
        locked = isinstance(refusal, errors.SignInLocked)
        event = Event(
            action,
            outcome=Outcome.DENIED if locked else Outcome.FAILURE,
            subject=subject,
            details={"reason": refusal.reason},
        )
        await self._recorder.record(tx, caller, event)
        return refusal
