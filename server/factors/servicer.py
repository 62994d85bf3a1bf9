"""FactorService of the contract: message in, service, message out."""

from typing import Protocol
from uuid import UUID

from limen.auth.v1 import auth_pb2
from limen.factors.v1 import factors_pb2, factors_pb2_grpc
from limen.users.v1 import users_pb2
from server.caller import current
from server.factors import wire
from server.factors.authenticator_apps import AuthenticatorApps
from server.factors.passkey_registration import PasskeyRegistration
from server.factors.passkey_sign_in import PasskeySignIn
from server.factors.service import FactorService
from server.factors.sign_ins import SignedIn
from server.interceptors.call import Context
from server.wire import timestamp


class HandOver(Protocol):
    """Makes messages of a new session; a cookie goes beside them, through the context."""

    def __call__(
        self, signed_in: SignedIn, context: Context
    ) -> tuple[auth_pb2.Session, auth_pb2.Tokens | None, users_pb2.User]:
        """The session, its tokens unless there is a cookie, and whose it is."""


class FactorServicer(factors_pb2_grpc.FactorServiceServicer):
    """Answers the RPCs of factors."""

    def __init__(
        self,
        *,
        factors: FactorService,
        apps: AuthenticatorApps,
        passkeys: PasskeyRegistration,
        passkey_sign_in: PasskeySignIn,
        hand_over: HandOver,
    ) -> None:
        self._factors = factors
        self._apps = apps
        self._passkeys = passkeys
        self._passkey_sign_in = passkey_sign_in
        self._hand_over = hand_over

    async def ListFactors(
        self, request: factors_pb2.ListFactorsRequest, context: Context
    ) -> factors_pb2.ListFactorsResponse:
        found = await self._factors.list(current())
        return factors_pb2.ListFactorsResponse(
            factors=[wire.factor(row) for row in found.factors],
            recovery_codes_left=found.recovery_codes_left,
        )

    async def DeleteFactor(
        self, request: factors_pb2.DeleteFactorRequest, context: Context
    ) -> factors_pb2.DeleteFactorResponse:
        await self._factors.delete(current(), UUID(request.factor_id))
        return factors_pb2.DeleteFactorResponse()

    async def EnrollTotp(
        self, request: factors_pb2.EnrollTotpRequest, context: Context
    ) -> factors_pb2.EnrollTotpResponse:
        enrolled = await self._apps.enroll(current(), request.display_name)
        return factors_pb2.EnrollTotpResponse(
            factor_id=str(enrolled.factor_id), otpauth_uri=enrolled.uri, secret=enrolled.secret
        )

    async def ConfirmTotp(
        self, request: factors_pb2.ConfirmTotpRequest, context: Context
    ) -> factors_pb2.ConfirmTotpResponse:
        codes = await self._apps.confirm(current(), UUID(request.factor_id), request.code)
        return factors_pb2.ConfirmTotpResponse(recovery_codes=codes)

    async def RegenerateRecoveryCodes(
        self, request: factors_pb2.RegenerateRecoveryCodesRequest, context: Context
    ) -> factors_pb2.RegenerateRecoveryCodesResponse:
        codes = await self._factors.regenerate_recovery_codes(current())
        return factors_pb2.RegenerateRecoveryCodesResponse(recovery_codes=codes)

    async def BeginPasskeyRegistration(
        self, request: factors_pb2.BeginPasskeyRegistrationRequest, context: Context
    ) -> factors_pb2.BeginPasskeyRegistrationResponse:
        asked = await self._passkeys.begin(current())
        return factors_pb2.BeginPasskeyRegistrationResponse(
            ceremony_token=asked.token,
            options=wire.options(asked.options),
            expire_time=timestamp(asked.expire_time),
        )

    async def FinishPasskeyRegistration(
        self, request: factors_pb2.FinishPasskeyRegistrationRequest, context: Context
    ) -> factors_pb2.FinishPasskeyRegistrationResponse:
        registered = await self._passkeys.finish(
            current(),
            request.ceremony_token,
            wire.credential(request.credential),
            request.display_name,
        )
        return factors_pb2.FinishPasskeyRegistrationResponse(
            factor=wire.factor(registered.passkey), recovery_codes=registered.recovery_codes
        )

    async def BeginPasskeySignIn(
        self, request: factors_pb2.BeginPasskeySignInRequest, context: Context
    ) -> factors_pb2.BeginPasskeySignInResponse:
        asked = await self._passkey_sign_in.begin(request.challenge_token)
        return factors_pb2.BeginPasskeySignInResponse(
            ceremony_token=asked.token,
            options=wire.options(asked.options),
            expire_time=timestamp(asked.expire_time),
        )

    async def FinishPasskeySignIn(
        self, request: factors_pb2.FinishPasskeySignInRequest, context: Context
    ) -> factors_pb2.FinishPasskeySignInResponse:
        signed_in = await self._passkey_sign_in.finish(
            current(),
            request.ceremony_token,
            wire.credential(request.credential),
            wire.delivery(request.delivery),
        )
        session, tokens, user = self._hand_over(signed_in, context)
        return factors_pb2.FinishPasskeySignInResponse(session=session, tokens=tokens, user=user)
