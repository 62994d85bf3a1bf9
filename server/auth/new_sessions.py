"""Sessions that begin: the row, with the credentials for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from server import errors
from server.auth.credentials import Credentials, TokenPair
from server.auth.model import SessionRow
from server.caller import Caller, Delivery
from server.platform.clock import Clock, Entropy
from server.platform.vault import digest
from server.users.model import ACTIVE
from server.users.repository import Account
from server.users.roles import Roles


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session, with the credentials for it: tokens, or a cookie."""

    session: SessionRow
    account: Account
    tokens: TokenPair | None
    cookie: str | None


class NewSessions:
    """Makes sessions; they are yet to be written down."""

    def __init__(
        self,
        *,
        credentials: Credentials,
        roles: Roles,
        clock: Clock,
        entropy: Entropy,
        lifetime: timedelta,
    ) -> None:
        self._credentials = credentials
        self._roles = roles
        self._clock = clock
        self._entropy = entropy
        self._lifetime = lifetime

    def make(
        self, caller: Caller, account: Account, delivery: Delivery, methods: Sequence[str]
    ) -> SignedIn:
        """A session that begins now. `methods` say how its user proved who they are (RFC 8176)."""
        cookie = self._credentials.new_cookie() if delivery is Delivery.COOKIE else None
        now = self._clock.now()
        session = SessionRow(
            session_id=self._entropy.identifier(),
            user_id=account.user.user_id,
            create_time=now,
            last_use_time=now,
            expire_time=now + self._lifetime,
            proof_time=now,
            amr=list(methods),
            user_agent=caller.origin.user_agent,
            network=caller.origin.network,
            cookie_hash=digest(cookie) if cookie else None,
            refresh_generation=0,
        )
        tokens = None
        if cookie is None:
            permissions = self._roles.of(account)
            tokens = self._credentials.issue(session, permissions)
        return SignedIn(session, account, tokens, cookie)


def not_usable(account: Account) -> errors.LimenError | None:
    """Why no session may be opened for an account, whoever proved to be its owner."""
    if account.user.state != ACTIVE:
        return errors.AccountDisabled()
    if not account.user.email_verified:
        return errors.EmailNotVerified()
    return None
