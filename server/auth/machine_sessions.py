"""Sessions of service accounts: opened for one access token each, and never renewed."""

from uuid import UUID

from server.auth import repository
from server.auth.credentials import AccessToken, Credentials
from server.auth.model import SessionRow
from server.caller import Caller
from server.platform.clock import Clock, Entropy
from server.platform.database import Transaction
from server.users.repository import Account
from server.users.roles import Roles


class MachineSessions:
    """Opens and ends the sessions of service accounts."""

    def __init__(
        self, *, credentials: Credentials, roles: Roles, clock: Clock, entropy: Entropy
    ) -> None:
        self._credentials = credentials
        self._roles = roles
        self._clock = clock
        self._entropy = entropy

    async def open(
        self,
        tx: Transaction,
        caller: Caller,
        account: Account,
        *,
        amr: str,
        certificate: str | None,
    ) -> AccessToken:
        """Opens a session that lasts as long as one access token, and issues that.

        amr: how the account proved itself (RFC 8176).
        certificate: the thumbprint of the certificate that the token is to be bound to.
        """
        now = self._clock.now()
        session = SessionRow(
            session_id=self._entropy.identifier(),
            user_id=account.user.user_id,
            create_time=now,
            last_use_time=now,
            expire_time=now + self._credentials.access_ttl,
            proof_time=now,
            amr=[amr],
            user_agent=caller.origin.user_agent,
            network=caller.origin.network,
            certificate=certificate,
            refresh_generation=0,
        )
        await repository.add_session(tx, session)
        return self._credentials.access_token(
            session, self._roles.of(account), client_id=str(account.user.user_id)
        )

    async def end_bound(self, tx: Transaction, user_id: UUID, certificate: str) -> int:
        """Ends the sessions of a user that are bound to a certificate, by its thumbprint.

        Says how many there were.
        """
        return await repository.revoke_bound_sessions(
            tx, user_id, certificate, now=self._clock.now(), reason="certificate unbound"
        )
