"""AuthService of the contract: message in, service, message out."""

from collections.abc import AsyncIterator
from uuid import UUID

from limen.auth.v1 import auth_pb2, auth_pb2_grpc
from limen.users.v1 import users_pb2
from server import errors
from server.audit.actions import Action
from server.auth import wire
from server.auth.challenges import Challenge
from server.auth.keyring import Keyring
from server.auth.model import SessionRow
from server.auth.new_sessions import SignedIn
from server.auth.recovery import Recovery
from server.auth.registration import Registration
from server.auth.revocations import Revocations
from server.auth.second_step import SecondStep
from server.auth.session_control import SessionControl
from server.auth.signing_in import SigningIn
from server.caller import Delivery, current
from server.interceptors.call import Context
from server.users import wire as users_wire
from server.users.service import NewUser

# Between core and edge: what becomes a cookie travels beside the message, never inside it.
_CREDENTIAL = "limen-session-credential"
_EXPIRE = "limen-session-expire"
_END = "limen-session-end"


class HandOver:
    """Makes messages of a new session; a cookie goes beside them, through the context.

    Fulfils `server.factors.servicer.HandOver`.
    """

    def __init__(self, *, sessions: SessionControl) -> None:
        self._sessions = sessions

    def __call__(
        self, signed_in: SignedIn, context: Context
    ) -> tuple[auth_pb2.Session, auth_pb2.Tokens | None, users_pb2.User]:
        """The session, its tokens unless there is a cookie, and whose it is."""
        row = signed_in.session
        if signed_in.cookie is not None:
            expire = int(row.expire_time.timestamp())
            context.set_trailing_metadata(((_CREDENTIAL, signed_in.cookie), (_EXPIRE, str(expire))))
        idle_expire_time = self._sessions.idle_expire_time(row)
        return (
            wire.session(row, idle_expire_time=idle_expire_time, current=True),
            wire.tokens(signed_in.tokens) if signed_in.tokens else None,
            users_wire.user(signed_in.account),
        )


class AuthServicer(auth_pb2_grpc.AuthServiceServicer):
    """Answers the RPCs of authentication."""

    def __init__(
        self,
        *,
        registration: Registration,
        signing_in: SigningIn,
        second_step: SecondStep,
        hand_over: HandOver,
        sessions: SessionControl,
        recovery: Recovery,
        keyring: Keyring,
        revocations: Revocations,
    ) -> None:
        self._registration = registration
        self._signing_in = signing_in
        self._second_step = second_step
        self._hand_over = hand_over
        self._sessions = sessions
        self._recovery = recovery
        self._keyring = keyring
        self._revocations = revocations

    async def SignUp(
        self, request: auth_pb2.SignUpRequest, context: Context
    ) -> auth_pb2.SignUpResponse:
        caller = current()
        new = NewUser(
            email=request.email,
            password=request.password,
            display_name=request.display_name,
            locale=request.locale or caller.origin.language,
        )
        await self._registration.sign_up(caller, new)
        return auth_pb2.SignUpResponse()

    async def VerifyEmail(
        self, request: auth_pb2.VerifyEmailRequest, context: Context
    ) -> auth_pb2.VerifyEmailResponse:
        await self._registration.verify_email(current(), request.token)
        return auth_pb2.VerifyEmailResponse()

    async def ResendEmailVerification(
        self, request: auth_pb2.ResendEmailVerificationRequest, context: Context
    ) -> auth_pb2.ResendEmailVerificationResponse:
        await self._registration.resend(current(), request.email)
        return auth_pb2.ResendEmailVerificationResponse()

    async def SignIn(
        self, request: auth_pb2.SignInRequest, context: Context
    ) -> auth_pb2.SignInResponse:
        delivery = wire.delivery(request.delivery) or Delivery.TOKENS
        outcome = await self._signing_in.sign_in(
            current(), request.email, request.password, delivery
        )
        if isinstance(outcome, Challenge):
            return auth_pb2.SignInResponse(challenge=wire.challenge(outcome))
        session, tokens, user = self._hand_over(outcome, context)
        return auth_pb2.SignInResponse(session=session, tokens=tokens, user=user)

    async def VerifySignIn(
        self, request: auth_pb2.VerifySignInRequest, context: Context
    ) -> auth_pb2.VerifySignInResponse:
        code = wire.code(request)
        if code is None:
            raise errors.FactorRejected
        signed_in = await self._second_step.answer(
            current(),
            Action.VERIFY_SIGN_IN,
            request.challenge_token,
            code,
            wire.delivery(request.delivery),
        )
        session, tokens, user = self._hand_over(signed_in, context)
        return auth_pb2.VerifySignInResponse(session=session, tokens=tokens, user=user)

    async def RefreshTokens(
        self, request: auth_pb2.RefreshTokensRequest, context: Context
    ) -> auth_pb2.RefreshTokensResponse:
        pair = await self._sessions.refresh(current(), request.refresh_token)
        return auth_pb2.RefreshTokensResponse(tokens=wire.tokens(pair))

    async def SignOut(
        self, request: auth_pb2.SignOutRequest, context: Context
    ) -> auth_pb2.SignOutResponse:
        await self._sessions.sign_out(current())
        if current().signed_in().by_cookie:
            context.set_trailing_metadata(((_END, "1"),))
        return auth_pb2.SignOutResponse()

    async def ListSessions(
        self, request: auth_pb2.ListSessionsRequest, context: Context
    ) -> auth_pb2.ListSessionsResponse:
        page = await self._sessions.page(
            current(), page_size=request.page_size, token=request.page_token
        )
        return auth_pb2.ListSessionsResponse(
            sessions=[
                self._message(row, current=wire.is_current(row, current())) for row in page.sessions
            ],
            next_page_token=page.next_page_token,
        )

    async def RevokeSession(
        self, request: auth_pb2.RevokeSessionRequest, context: Context
    ) -> auth_pb2.RevokeSessionResponse:
        await self._sessions.revoke(current(), UUID(request.session_id))
        return auth_pb2.RevokeSessionResponse()

    async def RevokeOtherSessions(
        self, request: auth_pb2.RevokeOtherSessionsRequest, context: Context
    ) -> auth_pb2.RevokeOtherSessionsResponse:
        count = await self._sessions.revoke_others(current())
        return auth_pb2.RevokeOtherSessionsResponse(revoked_count=count)

    async def Reauthenticate(
        self, request: auth_pb2.ReauthenticateRequest, context: Context
    ) -> auth_pb2.ReauthenticateResponse:
        outcome = await self._signing_in.reauthenticate(
            current(), request.password, wire.code(request)
        )
        if isinstance(outcome, Challenge):
            return auth_pb2.ReauthenticateResponse(challenge=wire.challenge(outcome))
        session, tokens, _ = self._hand_over(outcome, context)
        return auth_pb2.ReauthenticateResponse(session=session, tokens=tokens)

    async def ChangePassword(
        self, request: auth_pb2.ChangePasswordRequest, context: Context
    ) -> auth_pb2.ChangePasswordResponse:
        await self._signing_in.change_password(
            current(), request.current_password, request.new_password
        )
        return auth_pb2.ChangePasswordResponse()

    async def RequestPasswordReset(
        self, request: auth_pb2.RequestPasswordResetRequest, context: Context
    ) -> auth_pb2.RequestPasswordResetResponse:
        await self._recovery.request(current(), request.email)
        return auth_pb2.RequestPasswordResetResponse()

    async def ResetPassword(
        self, request: auth_pb2.ResetPasswordRequest, context: Context
    ) -> auth_pb2.ResetPasswordResponse:
        await self._recovery.reset(current(), request.token, request.new_password)
        return auth_pb2.ResetPasswordResponse()

    async def IntrospectToken(
        self, request: auth_pb2.IntrospectTokenRequest, context: Context
    ) -> auth_pb2.IntrospectTokenResponse:
        claims = await self._sessions.introspect(current(), request.token)
        return wire.introspection(claims)

    async def GetJwks(
        self, request: auth_pb2.GetJwksRequest, context: Context
    ) -> auth_pb2.GetJwksResponse:
        return auth_pb2.GetJwksResponse(keys=[wire.jwk(key) for key in self._keyring.published()])

    async def WatchRevocations(
        self, request: auth_pb2.WatchRevocationsRequest, context: Context
    ) -> AsyncIterator[auth_pb2.WatchRevocationsResponse]:
        async for news in self._revocations.watch(request.cursor):
            yield wire.news(news)

    def _message(self, row: SessionRow, *, current: bool) -> auth_pb2.Session:
        return wire.session(
            row, idle_expire_time=self._sessions.idle_expire_time(row), current=current
        )
