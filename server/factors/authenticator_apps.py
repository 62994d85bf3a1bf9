"""Adding an authenticator app: the secret is shown, and a code proves that it arrived."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from server import assurance, errors
from server.audit.actions import Action
from server.audit.recorder import Recorder
from server.caller import Caller
from server.factors import evidence, repository, totp
from server.factors.model import TotpRow
from server.factors.new_factors import NewFactors
from server.factors.totp_secrets import TotpSecrets
from server.platform.clock import Clock, Entropy
from server.platform.database import Database, Transaction
from server.users import repository as users
from server.users.lockouts import Lockouts

MOST_APPS = 10
CONFIRMED_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """An authenticator app that waits to be confirmed."""

    factor_id: UUID
    secret: str
    uri: str


class AuthenticatorApps:
    """Adds authenticator apps (RFC 6238)."""

    def __init__(
        self,
        *,
        database: Database,
        new_factors: NewFactors,
        secrets: TotpSecrets,
        lockouts: Lockouts,
        recorder: Recorder,
        clock: Clock,
        entropy: Entropy,
        issuer: str,
    ) -> None:
        """`issuer` is what the apps are to call this installation."""
        self._database = database
        self._new_factors = new_factors
        self._secrets = secrets
        self._lockouts = lockouts
        self._recorder = recorder
        self._clock = clock
        self._entropy = entropy
        self._issuer = issuer

    async def enroll(self, caller: Caller, display_name: str) -> Enrolled:
        """Begins to add an app, in the place of one that was not confirmed.

        Raises `errors.LimitReached` and `errors.AssuranceTooLow`.
        """
        factor_id, secret = self._entropy.identifier(), self._secrets.make()
        async with self._database.transaction() as tx:
            refusal = await self._refusal(tx, caller)
            if refusal is None:
                await self._add(tx, caller, factor_id, secret, display_name)
            account = await users.find(tx, caller.signed_in().user_id)
            event = evidence.of_factor(Action.ENROLL_TOTP, factor_id, refusal)
            await self._recorder.record(tx, caller, event)
        if account is None:
            raise errors.CredentialInvalid
        if refusal is not None:
            raise refusal
        uri = totp.uri(secret, issuer=self._issuer, account=account.user.email)
        return Enrolled(factor_id, totp.readable(secret), uri)

    async def confirm(self, caller: Caller, factor_id: UUID, code: str) -> list[str]:
        """Makes an app a factor; returns recovery codes with the first.

        Raises `errors.NotFound`, `errors.CodeInvalid`, `errors.LimitReached`,
        `errors.AssuranceTooLow`, and `errors.SignInLocked` after too many wrong codes.
        """
        async with self._database.transaction() as tx:
            outcome = await self._judge(tx, caller, factor_id, code)
            refusal = outcome if isinstance(outcome, errors.LimenError) else None
            event = evidence.of_factor(Action.CONFIRM_TOTP, factor_id, refusal)
            await self._recorder.record(tx, caller, event)
        if isinstance(outcome, errors.LimenError):
            raise outcome
        return outcome

    async def _judge(
        self, tx: Transaction, caller: Caller, factor_id: UUID, code: str
    ) -> list[str] | errors.LimenError:
        refusal = await self._refusal(tx, caller)
        if refusal is not None:
            return refusal
        # Apart from sign-ins: whoever has stolen a session must not keep its owner from them.
        key = f"confirmation by {caller.signed_in().user_id}"
        place = self._lockouts.place(key, caller.origin.network)
        wait = await self._lockouts.claim(tx, place)
        if wait is not None:
            return errors.SignInLocked(retry_after=wait)
        refusal = await self._confirm(tx, caller, factor_id, code)
        if refusal is None:
            await self._lockouts.succeed(tx, place)
            return await self._new_factors.added(tx, caller, (assurance.CODE,))
        if isinstance(refusal, errors.CodeInvalid):
            await self._lockouts.fail(tx, place)
        else:
            await self._lockouts.give_back(tx, place)
        return refusal

    async def _refusal(self, tx: Transaction, caller: Caller) -> errors.LimenError | None:
        refusal = await self._new_factors.refusal(tx, caller)
        if refusal is not None:
            return refusal
        apps = await repository.totps(tx, caller.signed_in().user_id)
        return errors.LimitReached() if len(apps) >= MOST_APPS else None

    async def _add(
        self, tx: Transaction, caller: Caller, factor_id: UUID, secret: bytes, display_name: str
    ) -> None:
        row = TotpRow(
            factor_id=factor_id,
            user_id=caller.signed_in().user_id,
            display_name=display_name,
            sealed=self._secrets.seal(factor_id, secret),
            create_time=self._clock.now(),
        )
        await repository.replace_unconfirmed(tx, row)

    async def _confirm(
        self, tx: Transaction, caller: Caller, factor_id: UUID, code: str
    ) -> errors.LimenError | None:
        now = self._clock.now()
        row = await repository.unconfirmed_totp(
            tx, caller.signed_in().user_id, factor_id, since=now - CONFIRMED_WITHIN
        )
        if row is None:
            return errors.NotFound(resource="factor")
        step = totp.matching_step(self._secrets.open(row), code, now, after=row.last_step)
        if step is None or not await repository.confirm_totp(tx, factor_id, step, now):
            return errors.CodeInvalid()
        return None
