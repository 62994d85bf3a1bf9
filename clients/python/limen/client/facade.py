"""limen as an object: the generated stubs, and sign-in."""

from collections.abc import Callable
from types import TracebackType
from typing import Self, TypedDict

from grpc import aio

from limen.apikeys.v1.apikeys_pb2 import IssueTokenRequest
from limen.apikeys.v1.apikeys_pb2_grpc import ApiKeyServiceStub, ServiceAccountServiceStub
from limen.audit.v1.audit_pb2_grpc import AuditServiceStub
from limen.auth.v1 import auth_pb2
from limen.auth.v1.auth_pb2 import (
    CREDENTIAL_DELIVERY_TOKENS,
    ReauthenticateRequest,
    SignInRequest,
    SignInResponse,
    SignOutRequest,
    Tokens,
    VerifySignInRequest,
    VerifySignInResponse,
)
from limen.auth.v1.auth_pb2_grpc import AuthServiceStub
from limen.client.credentials import Credential, bearer
from limen.client.errors import SecondFactorRequired
from limen.client.service_account import IssuedToken
from limen.client.session import Clock, Session
from limen.factors.v1.factors_pb2_grpc import FactorServiceStub
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
        self.factors = FactorServiceStub(channel)
        """Second factors and passkeys of the caller."""
        self.api_keys = ApiKeyServiceStub(channel)
        """API keys of the caller."""
        self.service_accounts = ServiceAccountServiceStub(channel)
        """Accounts of programs, and their tokens."""
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
        self._machines: list[Services] = []

    async def sign_in(self, email: str, password: str) -> "SignedIn":
        """Opens a session and returns limen as seen by its user.

        The tokens renew themselves for as long as the result is used. It shares the connections,
        and is to be closed when done with: `async with await limen.sign_in(...) as user`.

        Raises Unauthenticated (SIGN_IN_FAILED), SecondFactorRequired with the challenge that
        `verify_sign_in` answers, TooManyRequests (SIGN_IN_LOCKED, OVERLOADED), FailedPrecondition
        (EMAIL_NOT_VERIFIED) and PermissionDenied (ACCOUNT_DISABLED).
        """
        answer = await self.auth.SignIn(
            SignInRequest(email=email, password=password, delivery=CREDENTIAL_DELIVERY_TOKENS)
        )
        if answer.HasField("challenge"):
            raise SecondFactorRequired(answer.challenge)
        return self._open(answer)

    async def verify_sign_in(
        self, challenge_token: str, *, totp_code: str = "", recovery_code: str = ""
    ) -> "SignedIn":
        """Answers the challenge of `sign_in` with one of the codes, and opens the session.

        Raises Unauthenticated (CHALLENGE_INVALID, FACTOR_REJECTED) and TooManyRequests
        (SIGN_IN_LOCKED).
        """
        request = VerifySignInRequest(
            challenge_token=challenge_token,
            delivery=CREDENTIAL_DELIVERY_TOKENS,
            **_proof(totp_code, recovery_code),
        )
        return self._open(await self.auth.VerifySignIn(request))

    def service_account(self, client_id: str, client_secret: str = "") -> Services:
        """limen as seen by a service account; it gets itself tokens for as long as it is used.

        Without a secret the client certificate of the connection is the proof (RFC 8705), which
        the `credentials` of `connect` have to hold. Whether limen accepts it shows with the first
        call. It shares the connections and is closed along with this.
        """
        credential = IssuedToken(
            IssueTokenRequest(client_id=client_id, client_secret=client_secret),
            issue=self.service_accounts.IssueToken,
            clock=self._clock,
        )
        services = Services(self._dial(credential))
        self._machines.append(services)
        return services

    def _open(self, answer: SignInResponse | VerifySignInResponse) -> "SignedIn":
        session = Session(answer.tokens, refresh=self.auth.RefreshTokens, clock=self._clock)
        signed_in = SignedIn(self._dial(session), session, answer, closed=self._signed_in.discard)
        self._signed_in.add(signed_in)
        return signed_in

    async def close(self) -> None:
        """Ends all calls, those of signed-in users and service accounts too. Sessions live on at
        limen.
        """
        for other in (*self._signed_in, *self._machines):
            await other.close()
        await super().close()


class SignedIn(Services):
    """limen, as seen by a user who signed in. Made by `Limen.sign_in`."""

    def __init__(
        self,
        channel: aio.Channel,
        credential: Session,
        answer: SignInResponse | VerifySignInResponse,
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

    async def reauthenticate(
        self, password: str, *, totp_code: str = "", recovery_code: str = ""
    ) -> None:
        """Renews the proof of identity, for calls that were refused with PROOF_TOO_OLD or
        ASSURANCE_TOO_LOW.

        The session gets a new id and new tokens, which are used from then on; for this reason
        call this and not `auth.Reauthenticate`. Who has a second factor gives one of the codes.

        Raises Unauthenticated (SIGN_IN_FAILED, FACTOR_REJECTED), SecondFactorRequired for a code
        that is missing, and TooManyRequests (SIGN_IN_LOCKED, OVERLOADED).
        """

        async def trade(access_token: str) -> Tokens:
            # With the token in the call it passes by the credential, which waits for this trade.
            answer = await self.auth.Reauthenticate(
                ReauthenticateRequest(password=password, **_proof(totp_code, recovery_code)),
                metadata=(("authorization", bearer(access_token)),),
            )
            if answer.HasField("challenge"):
                raise SecondFactorRequired(answer.challenge)
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


class _Proof(TypedDict, total=False):
    totp_code: str
    recovery_code: str


def _proof(totp_code: str, recovery_code: str) -> _Proof:
    """The member of `proof` to set, if any. The server refuses to choose between two."""
    if totp_code and recovery_code:
        raise ValueError("one code is enough: give an authenticator's or a recovery code")
    if totp_code:
        return {"totp_code": totp_code}
    return {"recovery_code": recovery_code} if recovery_code else {}
