"""Tokens for service accounts: the client credentials grant (RFC 6749, section 4.4).

There is no lock after failures, as there is for passwords. A secret has 256 bits of chance, so that
guessing is hopeless at any rate, while the client id is public: a lock would be a way for anybody
to keep a program from its work. The budget of the RPC bounds the attempts.
"""

import hmac
from datetime import datetime
from typing import Protocol
from uuid import UUID

from server import errors
from server.apikeys import account_repository
from server.audit import recorder
from server.audit.actions import Action
from server.audit.recorder import Event, Recorder
from server.caller import Caller
from server.platform.clock import Clock
from server.platform.database import Database, Transaction
from server.platform.vault import digest
from server.users.model import ACTIVE
from server.users.repository import Account

# How the account proved itself (RFC 8176, section 2).
_BY_SECRET = "pwd"
_BY_CERTIFICATE = "pop"

_NO_SECRET = bytes(32)


class IssuedToken(Protocol):
    """An access token, and what to say about it."""

    @property
    def token(self) -> str:
        """What to present."""

    @property
    def session_id(self) -> UUID:
        """The session that it stands for."""

    @property
    def expire_time(self) -> datetime:
        """When it expires."""

    @property
    def scope(self) -> str:
        """What its bearer may do, separated by blanks."""


class MachineSessions(Protocol):
    """What service accounts need from whoever opens sessions."""

    async def open(
        self,
        tx: Transaction,
        caller: Caller,
        account: Account,
        *,
        amr: str,
        certificate: str | None,
    ) -> IssuedToken:
        """Opens a session that lasts as long as one access token, and issues that."""


class Issuing:
    """Checks secrets and certificates, and gives tokens."""

    def __init__(
        self,
        *,
        database: Database,
        sessions: MachineSessions,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._recorder = recorder
        self._clock = clock

    async def issue(
        self, caller: Caller, client_id: UUID, secret: str, certificate: str | None
    ) -> IssuedToken:
        """An access token for a service account, proved by its secret.

        Without a secret the proof is the client certificate of the connection, given by its
        thumbprint; the token is then bound to it. An unknown account and a wrong proof are the
        same answer after the same work.

        Raises `errors.SignInFailed`, and after the right proof `errors.AccountDisabled`.
        """
        bound_to = None if secret else certificate
        async with self._database.transaction() as tx:
            account = await account_repository.hold(tx, client_id)
            proved = await self._is_proved(tx, client_id, secret, certificate)
            refusal = _refusal(account, is_proved=proved)
            if account is None or refusal is not None:
                await self._refused(tx, caller, account, refusal or errors.SignInFailed())
            else:
                issued = await self._open(tx, caller, account, bound_to)
        if refusal is not None:
            raise refusal
        return issued

    async def _is_proved(
        self, tx: Transaction, client_id: UUID, secret: str, certificate: str | None
    ) -> bool:
        if secret:
            kept = await account_repository.secret_hash(tx, client_id)
            return hmac.compare_digest(digest(secret), kept or _NO_SECRET)
        if certificate is None:
            return False
        return await account_repository.is_bound(tx, certificate, client_id)

    async def _open(
        self, tx: Transaction, caller: Caller, account: Account, certificate: str | None
    ) -> IssuedToken:
        user_id = account.user.user_id
        amr = _BY_CERTIFICATE if certificate else _BY_SECRET
        issued = await self._sessions.open(tx, caller, account, amr=amr, certificate=certificate)
        await account_repository.touch(tx, user_id, self._clock.now())
        details = {"session": str(issued.session_id), "amr": amr}
        if certificate:
            details["certificate"] = certificate
        await self._recorder.record(
            tx,
            caller,
            Event(
                Action.ISSUE_TOKEN,
                actor=user_id,
                subject=recorder.user(user_id),
                details=details,
            ),
        )
        return issued

    async def _refused(
        self,
        tx: Transaction,
        caller: Caller,
        account: Account | None,
        refusal: errors.LimenError,
    ) -> None:
        subject = recorder.user(account.user.user_id) if account else recorder.NOBODY
        await self._recorder.record(
            tx,
            caller,
            recorder.failed(Action.ISSUE_TOKEN, subject=subject, reason=refusal.reason),
        )


def _refusal(account: Account | None, *, is_proved: bool) -> errors.LimenError | None:
    if account is None or not is_proved:
        return errors.SignInFailed()
    return None if account.user.state == ACTIVE else errors.AccountDisabled()
