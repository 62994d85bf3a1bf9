"""What the factors slice needs of this one when factors come and go."""

from collections.abc import Sequence
from uuid import UUID

from server import assurance
from server.auth import challenge_repository, repository
from server.caller import Caller
from server.platform.clock import Clock
from server.platform.database import Transaction


class FactorChanges:
    """Fulfils `server.factors.sign_ins.Accounts`."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def has_password(self, tx: Transaction, user_id: UUID) -> bool:
        """Whether a user could sign in with a password."""
        return await repository.password(tx, user_id) is not None

    async def strengthen(self, tx: Transaction, caller: Caller, methods: Sequence[str]) -> None:
        """Notes that the caller has just shown a second factor within their session."""
        session = await repository.lock_session(tx, caller.signed_in().session_id)
        if session is not None:
            proved = assurance.together(session.amr, methods)
            await repository.renew_proof(tx, session.session_id, proved, self._clock.now())

    async def void_challenges(self, tx: Transaction, user_id: UUID) -> None:
        """Makes sure that no open challenge of a user can be answered any more."""
        await challenge_repository.void(tx, user_id, self._clock.now())
