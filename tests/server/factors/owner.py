"""Somebody with an authenticator app, and what they do with it."""

import base64
from dataclasses import dataclass, field
from uuid import uuid4

import grpc

from limen.auth.v1 import auth_pb2
from limen.factors.v1 import factors_pb2
from server.factors import totp
from server.users.repository import Account
from tests.server.running_core import PASSWORD, RunningCore, bearer

Metadata = tuple[tuple[str, str], ...]

COOKIE = auth_pb2.CREDENTIAL_DELIVERY_COOKIE
WRONG = "000000"
"""A wrong code, but for one time in a few hundred thousand."""


@dataclass
class Owner:
    """The owner of an account, signed in."""

    core: RunningCore
    account: Account
    here: Metadata
    session_id: str
    secret: bytes = b""
    factor_id: str = ""
    recovery_codes: list[str] = field(default_factory=list)

    @property
    def user_id(self) -> str:
        return str(self.account.user.user_id)

    @property
    def email(self) -> str:
        return self.account.user.email

    async def enroll(self, name: str = "phone") -> factors_pb2.EnrollTotpResponse:
        """Begins to add an app, and puts its secret into it."""
        request = factors_pb2.EnrollTotpRequest(display_name=name)
        enrolled = await self.core.factors.EnrollTotp(request, metadata=self.here)
        self.secret = base64.b32decode(enrolled.secret)
        self.factor_id = enrolled.factor_id
        return enrolled

    async def confirm(self, code: str = "", factor_id: str = "") -> list[str]:
        """Ends to add the app."""
        request = factors_pb2.ConfirmTotpRequest(
            factor_id=factor_id or self.factor_id, code=code or self.code()
        )
        confirmed = await self.core.factors.ConfirmTotp(request, metadata=self.here)
        return list(confirmed.recovery_codes)

    def code(self, *, steps: int = 0) -> str:
        """What the app shows so many steps from now."""
        step = totp.step_at(self.core.clock.now())
        return totp.code_at(self.secret, step + steps)

    def fresh_code(self) -> str:
        """What the app shows in the next time step, which has then come."""
        self.core.clock.forward(seconds=30)
        return self.code()

    async def challenge(self, delivery: int = 0) -> auth_pb2.Challenge:
        """The challenge that the right password is answered with."""
        request = auth_pb2.SignInRequest(email=self.email, password=PASSWORD, delivery=delivery)
        answer = await self.core.auth.SignIn(request)
        assert answer.challenge.challenge_token
        return answer.challenge

    async def sign_in(self) -> None:
        """Signs in with password and app; `here` is the new session."""
        challenge = await self.challenge()
        answer = await verify(self.core, challenge.challenge_token, totp_code=self.fresh_code())
        self.here, self.session_id = bearer(answer), answer.session.session_id

    async def factors(self) -> factors_pb2.ListFactorsResponse:
        """What the account has."""
        request = factors_pb2.ListFactorsRequest()
        return await self.core.factors.ListFactors(request, metadata=self.here)

    async def delete(self, factor_id: str = "") -> None:
        """Removes a factor, the app unless another is named."""
        request = factors_pb2.DeleteFactorRequest(factor_id=factor_id or self.factor_id)
        await self.core.factors.DeleteFactor(request, metadata=self.here)

    async def letters(self) -> list[str]:
        """Which letters wait to be sent, oldest first."""
        rows = await self.core.sql(
            "SELECT args ->> 'template' FROM jobs.outbox"
            " WHERE args ->> 'user_id' = :id ORDER BY job_id",
            id=self.user_id,
        )
        return [row[0] for row in rows]

    async def amr(self) -> list[str]:
        """How this session says that its user proved who they are."""
        rows = await self.core.sql(
            "SELECT amr FROM auth.sessions WHERE session_id = :id", id=self.session_id
        )
        return list(rows[0][0])


async def newcomer(core: RunningCore) -> Owner:
    """Somebody who has a password only."""
    account = await core.user()
    signed_in = await core.sign_in(account.user.email)
    return Owner(core, account, bearer(signed_in), signed_in.session.session_id)


async def with_app(core: RunningCore) -> Owner:
    """Somebody with a confirmed authenticator app."""
    owner = await newcomer(core)
    await owner.enroll()
    owner.recovery_codes = await owner.confirm()
    return owner


async def verify(
    core: RunningCore, token: str, *, metadata: Metadata = (), **proof
) -> auth_pb2.VerifySignInResponse:
    """Answers a challenge."""
    request = auth_pb2.VerifySignInRequest(challenge_token=token, **proof)
    return await core.auth.VerifySignIn(request, metadata=metadata)


async def by_cookie(core: RunningCore) -> Owner:
    """Somebody who has a password only, in a browser."""
    owner = await newcomer(core)
    request = auth_pb2.SignInRequest(email=owner.email, password=PASSWORD, delivery=COOKIE)
    call = core.auth.SignIn(request)
    owner.session_id = (await call).session.session_id
    owner.here = cookie_of(await call.trailing_metadata())
    return owner


def cookie_of(beside: grpc.aio.Metadata) -> Metadata:
    """What a browser sends from now on."""
    return (("limen-session", str(dict(beside)["limen-session-credential"])),)


async def give_passkey(owner: Owner) -> str:
    """Puts the row of a passkey there, which nobody can show."""
    factor_id = uuid4()
    await owner.core.sql(
        """
        INSERT INTO factors.passkeys (factor_id, user_id, display_name, credential_id, public_key,
            sign_count, aaguid, transports, backed_up, create_time)
        VALUES (:factor, :user, '', :credential, '', 0, :factor, '{}', true, now())
        """,
        factor=factor_id,
        user=owner.user_id,
        credential=factor_id.bytes,
    )
    return str(factor_id)
