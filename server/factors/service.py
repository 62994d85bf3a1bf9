"""The use cases of factors of every kind: the list, removing one, and recovery codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from server import assurance, errors
from server.audit import recorder
from server.audit.actions import Action
from server.audit.recorder import Event, Recorder
from server.caller import Caller
from server.factors import evidence, passkey_repository, repository
from server.factors.model import PasskeyRow, TotpRow
from server.factors.recovery_codes import RecoveryCodes
from server.factors.sign_ins import Accounts, Letters
from server.platform.database import Database, Transaction
from server.users import repository as users


@dataclass(frozen=True, slots=True)
class Factors:
    """What someone has to prove who they are with, beyond a password."""

    factors: Sequence[TotpRow | PasskeyRow]
    recovery_codes_left: int


class FactorService:
    """Keeps the factors of callers. Every change writes its audit event in its own transaction."""

    def __init__(
        self,
        *,
        database: Database,
        codes: RecoveryCodes,
        accounts: Accounts,
        letters: Letters,
        recorder: Recorder,
    ) -> None:
        self._database = database
        self._codes = codes
        self._accounts = accounts
        self._letters = letters
        self._recorder = recorder

    async def list(self, caller: Caller) -> Factors:
        """The confirmed factors of the caller, oldest first."""
        user_id = caller.signed_in().user_id
        async with self._database.transaction() as tx:
            totps = await repository.totps(tx, user_id)
            passkeys = await passkey_repository.passkeys(tx, user_id)
            unused = await repository.unused_recovery_codes(tx, user_id)
        factors: list[TotpRow | PasskeyRow] = [*totps, *passkeys]
        return Factors(sorted(factors, key=lambda factor: factor.factor_id), len(unused))

    async def delete(self, caller: Caller, factor_id: UUID) -> None:
        """Removes a factor of the caller, who is told by mail.

        Raises `errors.NotFound`, also for a factor of somebody else, and `errors.LastFactor`.
        """
        async with self._database.transaction() as tx:
            refusal = await self._refusal(tx, caller) or await self._delete(tx, caller, factor_id)
            event = evidence.of_factor(Action.DELETE_FACTOR, factor_id, refusal)
            await self._recorder.record(tx, caller, event)
        if refusal is not None:
            raise refusal

    async def regenerate_recovery_codes(self, caller: Caller) -> Sequence[str]:
        """Makes new recovery codes; the old ones stop working.

        Raises `errors.NotFound` for a caller without a factor.
        """
        user_id = caller.signed_in().user_id
        codes: Sequence[str] = ()
        async with self._database.transaction() as tx:
            refusal = await self._refusal(tx, caller)
            subject = recorder.user(user_id)
            if refusal is None:
                codes = await self._codes.renew(tx, user_id)
                event = Event(Action.REGENERATE_RECOVERY_CODES, subject=subject)
            else:
                event = recorder.failed(
                    Action.REGENERATE_RECOVERY_CODES, subject=subject, reason=refusal.reason
                )
            await self._recorder.record(tx, caller, event)
        if refusal is not None:
            raise refusal
        return codes

    async def _refusal(self, tx: Transaction, caller: Caller) -> errors.LimenError | None:
        """Why the caller cannot change their factors; nobody else does until `tx` ends.

        The policy lets those in who had no factor; they may have been given one since.
        """
        principal = caller.signed_in()
        await users.lock(tx, principal.user_id)
        if not await repository.has_factor(tx, principal.user_id):
            return errors.NotFound(resource="factor")
        return None if principal.two_factors else errors.AssuranceTooLow(acr=assurance.TWO_FACTORS)

    async def _delete(
        self, tx: Transaction, caller: Caller, factor_id: UUID
    ) -> errors.LimenError | None:
        user_id = caller.signed_in().user_id
        if await self._is_only_way_in(tx, user_id, factor_id):
            return errors.LastFactor()
        if not await repository.delete(tx, user_id, factor_id):
            return errors.NotFound(resource="factor")
        if not await repository.has_factor(tx, user_id):
            await repository.drop_recovery_codes(tx, user_id)
        await self._accounts.void_challenges(tx, user_id)
        await self._letters.tell(tx, user_id, template="factor_removed")
        return None

    async def _is_only_way_in(self, tx: Transaction, user_id: UUID, factor_id: UUID) -> bool:
        """Whether a factor is the only passkey of somebody without a password."""
        passkeys = await passkey_repository.passkeys(tx, user_id)
        only = [passkey.factor_id for passkey in passkeys] == [factor_id]
        return only and not await self._accounts.has_password(tx, user_id)
