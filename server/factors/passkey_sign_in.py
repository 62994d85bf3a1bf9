"""Signing in with a passkey, alone or as the answer to a challenge."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from server import errors
from server.audit import recorder
from server.audit.actions import Action, Outcome
from server.audit.recorder import Event, Recorder
from server.caller import Caller, Delivery
from server.factors import passkey_methods, passkey_options, passkey_proofs
from server.factors import passkey_repository as repository
from server.factors.ceremonies import Ceremonies, Purpose
from server.factors.model import CeremonyRow, PasskeyRow
from server.factors.passkey_proofs import Cause, Claim, RejectedError, Shown
from server.factors.passkey_registration import Asked
from server.factors.relying_party import RelyingParty
from server.factors.sign_ins import SignedIn, SignIns
from server.platform.clock import Clock
from server.platform.database import Database, Transaction
from server.platform.vault import digest
from server.users import repository as users
from server.users.lockouts import Lockouts
from server.users.repository import Account


class PasskeySignIn:
    """Opens sessions for those who show a passkey.

    An attempt counts for the account that it is about, together with wrong codes and apart from
    wrong passwords: who guesses those keeps nobody from using a passkey. It is counted, evaluated
    and settled in one transaction, for verifying takes no time to speak of.
    """

    def __init__(
        self,
        *,
        database: Database,
        ceremonies: Ceremonies,
        sign_ins: SignIns,
        lockouts: Lockouts,
        recorder: Recorder,
        party: RelyingParty,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ceremonies = ceremonies
        self._sign_ins = sign_ins
        self._lockouts = lockouts
        self._recorder = recorder
        self._party = party
        self._clock = clock

    async def begin(self, challenge_token: str) -> Asked:
        """Begins a ceremony: for any passkey of anybody, or for those that answer a challenge.

        Raises `errors.ChallengeInvalid`, also where whoever is challenged has no passkey.
        """
        challenge_hash = digest(challenge_token) if challenge_token else None
        async with self._database.transaction() as tx:
            user_id, allowed = await self._wanted(tx, challenge_hash)
            begun = await self._ceremonies.begin(
                tx, Purpose.SIGN_IN, user_id=user_id, challenge_hash=challenge_hash
            )
        options = passkey_options.request(self._party, begun.challenge, allowed)
        return Asked(begun.token, options, begun.expire_time)

    async def finish(
        self, caller: Caller, token: str, credential: Mapping[str, Any], delivery: Delivery | None
    ) -> SignedIn:
        """Opens a session for the passkey in an `AuthenticationResponseJSON`.

        Raises `errors.ChallengeInvalid`, `errors.FactorRejected` and `errors.SignInLocked`; after
        the right passkey also `errors.EmailNotVerified` and `errors.AccountDisabled`.
        """
        ceremony = await self._use_up(caller, token)
        async with self._database.transaction() as tx:
            outcome = await self._judge(tx, caller, ceremony, credential, delivery)
        if isinstance(outcome, errors.LimenError):
            raise outcome
        return outcome

    async def _wanted(
        self, tx: Transaction, challenge_hash: bytes | None
    ) -> tuple[UUID | None, list[PasskeyRow]]:
        if challenge_hash is None:
            return None, []
        user_id = await self._sign_ins.owner(tx, challenge_hash)
        allowed = list(await repository.passkeys(tx, user_id)) if user_id else []
        if not allowed:
            raise errors.ChallengeInvalid
        return user_id, allowed

    async def _use_up(self, caller: Caller, token: str) -> CeremonyRow:
        async with self._database.transaction() as tx:
            ceremony = await self._ceremonies.use_up(tx, Purpose.SIGN_IN, token)
            if ceremony is None:
                await self._refused(tx, caller, None, errors.ChallengeInvalid())
        if ceremony is None:
            raise errors.ChallengeInvalid
        return ceremony

    async def _judge(
        self,
        tx: Transaction,
        caller: Caller,
        ceremony: CeremonyRow,
        credential: Mapping[str, Any],
        delivery: Delivery | None,
    ) -> SignedIn | errors.LimenError:
        claim = _claim(credential)
        account = await self._account(tx, ceremony, claim)
        if account is None:
            cause = Cause.UNKNOWN if claim else Cause.MALFORMED
            return await self._refused(tx, caller, None, errors.FactorRejected(), cause=cause)
        place = self._lockouts.place(str(account.user.user_id), caller.origin.network)
        wait = await self._lockouts.claim(tx, place)
        if wait is not None:
            return await self._refused(tx, caller, account, errors.SignInLocked(retry_after=wait))
        try:
            passkey, shown = await self._verify(tx, ceremony, account, claim, credential)
        except RejectedError as error:
            await self._lockouts.fail(tx, place)
            refusal = errors.FactorRejected()
            return await self._refused(tx, caller, account, refusal, **error.details)
        outcome = await self._sign_ins.complete(
            tx,
            caller,
            Action.PASSKEY_SIGN_IN,
            user_id=account.user.user_id,
            methods=passkey_methods.methods(device_bound=shown.device_bound),
            challenge=ceremony.challenge_hash,
            delivery=delivery,
        )
        if isinstance(outcome, errors.LimenError):
            await self._lockouts.give_back(tx, place)
        else:
            await self._lockouts.succeed(tx, place)
            await self._note_use(tx, passkey, shown)
        return outcome

    async def _account(
        self, tx: Transaction, ceremony: CeremonyRow, claim: Claim | None
    ) -> Account | None:
        """Whom an attempt is about; nobody else changes them until `tx` ends."""
        user_id = ceremony.user_id
        if user_id is None and claim is not None:
            user_id = await repository.owner(tx, claim.credential_id)
        return await users.lock(tx, user_id) if user_id else None

    async def _verify(
        self,
        tx: Transaction,
        ceremony: CeremonyRow,
        account: Account,
        claim: Claim | None,
        credential: Mapping[str, Any],
    ) -> tuple[PasskeyRow, Shown]:
        """The passkey that was shown. Raises `RejectedError`."""
        if claim is None:
            raise RejectedError(Cause.MALFORMED)
        user_id = account.user.user_id
        # Section 7.2, step 6: with no list of credentials given, the user handle says whose it is.
        handle = claim.user_handle or (user_id.bytes if ceremony.user_id else b"")
        passkey = await repository.lock_passkey(tx, claim.credential_id, user_id)
        if passkey is None or handle != user_id.bytes:
            raise RejectedError(Cause.OF_SOMEBODY_ELSE)
        shown = passkey_proofs.shown(
            self._party, ceremony.challenge, credential, passkey.public_key
        )
        if passkey_proofs.went_back(passkey.sign_count, shown.sign_count):
            raise RejectedError(Cause.COUNTER, factor=str(passkey.factor_id))
        return passkey, shown

    async def _note_use(self, tx: Transaction, passkey: PasskeyRow, shown: Shown) -> None:
        await repository.note_use(
            tx,
            passkey.factor_id,
            sign_count=shown.sign_count,
            backed_up=shown.backed_up,
            now=self._clock.now(),
        )

    async def _refused(
        self,
        tx: Transaction,
        caller: Caller,
        account: Account | None,
        refusal: errors.LimenError,
        **details: str,
    ) -> errors.LimenError:
        """Writes down why an attempt came to nothing, and returns the refusal."""
        locked = isinstance(refusal, errors.SignInLocked)
        event = Event(
            Action.PASSKEY_SIGN_IN,
            outcome=Outcome.DENIED if locked else Outcome.FAILURE,
            subject=recorder.user(account.user.user_id) if account else recorder.NOBODY,
            details={"reason": refusal.reason, **details},
        )
        await self._recorder.record(tx, caller, event)
        return refusal


def _claim(credential: Mapping[str, Any]) -> Claim | None:
    """Whose passkey an answer names, or None when it cannot be read."""
    try:
        return passkey_proofs.claim(credential)
    except RejectedError:
        return None
