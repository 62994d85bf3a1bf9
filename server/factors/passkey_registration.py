"""Adding a passkey: what a browser is asked for, and what it made."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from server import errors
from server.audit import recorder
from server.audit.actions import Action
from server.audit.recorder import Event, Recorder, Subject
from server.caller import Caller
from server.factors import passkey_methods, passkey_options, passkey_proofs
from server.factors import passkey_repository as repository
from server.factors.ceremonies import Ceremonies, Purpose
from server.factors.model import PasskeyRow
from server.factors.new_factors import NewFactors
from server.factors.passkey_makers import maker
from server.factors.passkey_proofs import MadePasskey, RejectedError
from server.factors.relying_party import RelyingParty
from server.platform.clock import Clock, Entropy
from server.platform.database import Database, Transaction
from server.users import repository as users


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser is to be given, and what it hands back with its answer."""

    token: str
    options: dict[str, Any]
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class Registered:
    """A new passkey, and the recovery codes that came with it if it is the first factor."""

    passkey: PasskeyRow
    recovery_codes: list[str]


class PasskeyRegistration:
    """Adds passkeys to the account of the caller."""

    def __init__(
        self,
        *,
        database: Database,
        ceremonies: Ceremonies,
        new_factors: NewFactors,
        recorder: Recorder,
        party: RelyingParty,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._database = database
        self._ceremonies = ceremonies
        self._new_factors = new_factors
        self._recorder = recorder
        self._party = party
        self._clock = clock
        self._entropy = entropy

    async def begin(self, caller: Caller) -> Asked:
        """Begins a ceremony that only the caller can end.

        Raises what `NewFactors.refusal` says.
        """
        user_id = caller.signed_in().user_id
        async with self._database.transaction() as tx:
            refusal = await self._new_factors.refusal(tx, caller)
            if refusal is not None:
                raise refusal
            account = await users.find(tx, user_id)
            if account is None:
                raise errors.CredentialInvalid
            begun = await self._ceremonies.begin(tx, Purpose.REGISTER, user_id=user_id)
            own = await repository.passkeys(tx, user_id)
        options = passkey_options.creation(self._party, account.user, begun.challenge, own)
        return Asked(begun.token, options, begun.expire_time)

    async def finish(
        self, caller: Caller, token: str, credential: Mapping[str, Any], display_name: str
    ) -> Registered:
        """Adds the passkey in a `RegistrationResponseJSON`; the owner is told by mail.

        Raises `errors.ChallengeInvalid`, `errors.FactorRejected`, `errors.AlreadyExists`, and what
        `NewFactors.refusal` says.
        """
        challenge = await self._challenge(caller, token)
        try:
            made = passkey_proofs.made(self._party, challenge, credential)
        except RejectedError as error:
            async with self._database.transaction() as tx:
                await self._refused(tx, caller, errors.FactorRejected(), **error.details)
            raise errors.FactorRejected from error
        passkey = self._row(caller.signed_in().user_id, made, display_name)
        async with self._database.transaction() as tx:
            refusal = await self._new_factors.refusal(tx, caller)
            if refusal is None and not await repository.add_passkey(tx, passkey):
                refusal = errors.AlreadyExists(resource="passkey")
            if refusal is not None:
                await self._refused(tx, caller, refusal)
            else:
                methods = passkey_methods.methods(device_bound=made.device_bound)
                codes = await self._new_factors.added(tx, caller, methods)
                await self._recorder.record(
                    tx, caller, Event(Action.REGISTER_PASSKEY, subject=_subject(passkey.factor_id))
                )
        if refusal is not None:
            raise refusal
        return Registered(passkey, codes)

    async def _challenge(self, caller: Caller, token: str) -> bytes:
        """What the passkey has to sign; its ceremony is over when this returns."""
        user_id = caller.signed_in().user_id
        async with self._database.transaction() as tx:
            ceremony = await self._ceremonies.use_up(tx, Purpose.REGISTER, token, user_id=user_id)
            if ceremony is None:
                await self._refused(tx, caller, errors.ChallengeInvalid())
        if ceremony is None:
            raise errors.ChallengeInvalid
        return ceremony.challenge

    def _row(self, user_id: UUID, made: MadePasskey, display_name: str) -> PasskeyRow:
        return PasskeyRow(
            factor_id=self._entropy.identifier(),
            user_id=user_id,
            display_name=display_name or maker(made.aaguid),
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
            aaguid=made.aaguid,
            transports=list(made.transports),
            backed_up=made.backed_up,
            create_time=self._clock.now(),
        )

    async def _refused(
        self, tx: Transaction, caller: Caller, refusal: errors.LimenError, **details: str
    ) -> None:
        event = recorder.failed(
            Action.REGISTER_PASSKEY,
            subject=recorder.user(caller.signed_in().user_id),
            reason=refusal.reason,
            **details,
        )
        await self._recorder.record(tx, caller, event)


def _subject(factor_id: UUID) -> Subject:
    return Subject("factor", str(factor_id))
