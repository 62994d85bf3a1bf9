"""Showing a factor with a code: of an authenticator app, or a recovery code."""

from collections.abc import Sequence
from uuid import UUID

from server.assurance import SecondFactor
from server.factors import repository, totp
from server.factors.recovery_codes import RecoveryCodes
from server.factors.totp_secrets import TotpSecrets
from server.platform.clock import Clock
from server.platform.database import Transaction


class Showing:
    """Fulfils `server.auth.challenges.SecondFactors`."""

    def __init__(self, *, secrets: TotpSecrets, codes: RecoveryCodes, clock: Clock) -> None:
        self._secrets = secrets
        self._codes = codes
        self._clock = clock

    async def offered(self, tx: Transaction, user_id: UUID) -> Sequence[SecondFactor]:
        """The ways in which a user can answer a challenge. Empty: they have no factor."""
        return await repository.ways(tx, user_id)

    async def verify(self, tx: Transaction, user_id: UUID, kind: SecondFactor, code: str) -> bool:
        """Whether this is a code of the user that works now. It works for nobody after that."""
        if kind is SecondFactor.TOTP:
            return await self._use_totp(tx, user_id, code)
        if kind is SecondFactor.RECOVERY_CODE:
            return await self._codes.use(tx, user_id, code)
        return False

    async def _use_totp(self, tx: Transaction, user_id: UUID, code: str) -> bool:
        now = self._clock.now()
        for app in await repository.totps(tx, user_id):
            step = totp.matching_step(self._secrets.open(app), code, now, after=app.last_step)
            if step is not None and await repository.use_step(tx, app.factor_id, step, now):
                return True
        return False
