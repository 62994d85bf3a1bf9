"""What every new factor has to pass, and what it brings with it, whatever its kind."""

from collections.abc import Sequence

from server import assurance, errors
from server.caller import Caller
from server.factors import repository
from server.factors.recovery_codes import RecoveryCodes
from server.factors.sign_ins import Accounts, Letters
from server.platform.database import Transaction
from server.users import repository as users
from server.users.model import PERSON

MOST_FACTORS = 20


class NewFactors:
    """Lets factors in. Each method is a part of its caller's transaction."""

    def __init__(self, *, accounts: Accounts, letters: Letters, codes: RecoveryCodes) -> None:
        self._accounts = accounts
        self._letters = letters
        self._codes = codes

    async def refusal(self, tx: Transaction, caller: Caller) -> errors.LimenError | None:
        """Why the caller may not add a factor: `AssuranceTooLow` or `LimitReached`.

        `CredentialKindRefused` for a service account: it would be a way in that outlives its
        secret, and nobody could show it.

        Nobody else changes the caller's factors until `tx` ends. What the policy of the call says
        about assurance is said again here: somebody whose session showed no factor may have begun
        to add one while the account had none, and want to end it after the owner has added theirs.
        """
        user_id = caller.signed_in().user_id
        account = await users.lock(tx, user_id)
        if account is None or account.user.kind != PERSON:
            return errors.CredentialKindRefused()
        count = await repository.factor_count(tx, user_id)
        if count and not caller.signed_in().two_factors:
            return errors.AssuranceTooLow(acr=assurance.TWO_FACTORS)
        return errors.LimitReached() if count >= MOST_FACTORS else None

    async def added(self, tx: Transaction, caller: Caller, methods: Sequence[str]) -> list[str]:
        """What follows when the caller has a new factor: mail, a stronger session, and codes.

        `methods` say what showing it has proved (RFC 8176). Returns the recovery codes that come
        with a first factor, else nothing.
        """
        user_id = caller.signed_in().user_id
        await self._accounts.strengthen(tx, caller, methods)
        await self._letters.tell(tx, user_id, template="factor_added")
        if await repository.has_recovery_codes(tx, user_id):
            return []
        return await self._codes.renew(tx, user_id)
