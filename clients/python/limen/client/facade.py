"""limen as an object: the generated stubs, and sign-in."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from grpc import StatusCode, aio

from limen.audit.v1.audit_pb2_grpc import AuditServiceStub
from limen.auth.v1 import auth_pb2
from limen.auth.v1.auth_pb2 import (
    CREDENTIAL_DELIVERY_TOKENS,
    ReauthenticateRequest,
    SignInRequest,
    SignOutRequest,
    Tokens,
)
from limen.auth.v1.auth_pb2_grpc import AuthServiceStub
from limen.client.credentials import Credential, bearer
from limen.client.errors import Unimplemented
from limen.client.session import Clock, Session
from limen.users.v1 import users_pb2
from limen.users.v1.users_pb2_grpc import UserServiceStub

Dial = Callable[[Credential | None], aio.Channel]
"""Opens a channel whose calls present the credential."""


class Services:
    """The services of limen on one channel, as generated stubs. Every call raises LimenError."""

    def __init__(self, channel: aio.Channel) -> None:
        self.channel = channel
        """The channel, for stubs that are not listed here."""
        self.auth = AuthServiceStub(channel)
        """Proofs of identity: sign-up, sessions, tokens, passwords."""
        self.users = UserServiceStub(channel)
        """Accounts and roles."""
        self.audit = AuditServiceStub(channel)
        """The log of security events."""

    async def close(self) -> None:
        """Ends all calls and lets go of the connections."""
        await self.channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


class Limen(Services):
    """limen, as seen by the program: with the token given to `connect`, or with none.

    Made by `connect`. Closing it closes everything that was signed in through it.
    """

    def __init__(self, dial: Dial, credential: Credential | None, clock: Clock) -> None:
        super().__init__(dial(credential))
        self._dial = dial
        self._clock = clock
        self._signed_in: set[SignedIn] = set()

    async def sign_in(self, email: str, password: str) -> "SignedIn":
        """Opens a session and returns limen as seen by its user.

        The tokens renew themselves for as long as the result is used. It shares the connections,
        and is to be closed when done with: `async with await limen.sign_in(...) as user`.

        Raises Unauthenticated (SIGN_IN_FAILED), TooManyRequests (SIGN_IN_LOCKED, OVERLOADED),
        FailedPrecondition (EMAIL_NOT_VERIFIED), PermissionDenied (ACCOUNT_DISABLED), and
        Unimplemented when limen asks for a proof that this client cannot give.
        """
        answer = await self.auth.SignIn(
            SignInRequest(email=email, password=password, delivery=CREDENTIAL_DELIVERY_TOKENS)
        )
        if not answer.HasField("tokens"):
            raise Unimplemented(
                StatusCode.UNIMPLEMENTED,
                "limen asks for a further proof that this version of limen-client cannot give",
            )
        session = Session(answer.tokens, refresh=self.auth.RefreshTokens, clock=self._clock)
        signed_in = SignedIn(self._dial(session), session, answer, closed=self._signed_in.discard)
        self._signed_in.add(signed_in)
        return signed_in

    async def close(self) -> None:
        """Ends all calls, those of signed-in users too. Their sessions live on at limen."""
        for signed_in in tuple(self._signed_in):
            await signed_in.close()
        await super().close()


class SignedIn(Services):
    """limen, as seen by a user who signed in. Made by `Limen.sign_in`."""

    def __init__(
        self,
        channel: aio.Channel,
        credential: Session,
        answer: auth_pb2.SignInResponse,
        *,
        closed: Callable[["SignedIn"], None],
    ) -> None:
        super().__init__(channel)
        self._credential = credential
        self._closed = closed
        self.user: users_pb2.User = answer.user
        """The user, as of the sign-in."""
        self.session: auth_pb2.Session = answer.session
        """The session, as of the sign-in or the last `reauthenticate`."""

    async def reauthenticate(self, password: str) -> None:
        """Renews the proof of identity, for calls that were refused with PROOF_TOO_OLD.

        The session gets a new id and new tokens, which are used from then on; for this reason
        call this and not `auth.Reauthenticate`.

        Raises Unauthenticated (SIGN_IN_FAILED), TooManyRequests (SIGN_IN_LOCKED, OVERLOADED).
        """

        async def trade(access_token: str) -> Tokens:
            # With the token in the call it passes by the credential, which waits for this trade.
            answer = await self.auth.Reauthenticate(
                ReauthenticateRequest(password=password),
                metadata=(("authorization", bearer(access_token)),),
            )
            self.session = answer.session
            return answer.tokens

        await self._credential.replace(trade)

    async def sign_out(self) -> None:
        """Ends the session at limen, and closes this, even if limen cannot be told."""
        try:
            await self.auth.SignOut(SignOutRequest())
        finally:
            await self.close()

    async def close(self) -> None:
        """Ends all calls and forgets the tokens. The session lives on at limen."""
        self._closed(self)
        await self._credential.end()
        await super().close()
