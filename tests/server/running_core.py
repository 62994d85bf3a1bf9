"""A real core on a real database, with a clock that tests can move, and what its answers say."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import grpc
from google.rpc import error_details_pb2, status_pb2
from sqlalchemy import text

from limen.audit.v1 import audit_pb2_grpc
from limen.auth.v1 import auth_pb2, auth_pb2_grpc
from limen.factors.v1 import factors_pb2_grpc
from limen.users.v1 import users_pb2_grpc
from server import app
from server.auth import one_time_tokens
from server.caller import SYSTEM
from server.settings import Settings
from server.users.repository import Account
from server.users.service import NewUser

PASSWORD = "correct horse battery staple"
EDGE_SECRET = "an edge secret for tests, long enough"


class MovableClock:
    """Stands still at the present unless a test moves it."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def forward(self, **duration: float) -> None:
        self._ahead += timedelta(**duration)

    def back_to_the_present(self) -> None:
        self._ahead = timedelta()


@dataclass(frozen=True)
class Refusal:
    """What a refused call says."""

    code: grpc.StatusCode
    reason: str
    metadata: dict[str, str]
    faults: dict[str, str]
    """Rule by field."""
    messages: dict[str, str]
    """Localised sentence by field."""
    retry_seconds: float | None
    localized: str
    details: str
    request_id: str
    trace: list[str]


def refusal(error: grpc.aio.AioRpcError) -> Refusal:
    trailing = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
    found = {}
    for packed in status.details:
        kind = getattr(error_details_pb2, packed.TypeName().rpartition(".")[2])
        found[kind.__name__] = message = kind()
        packed.Unpack(message)
    violations = getattr(found.get("BadRequest"), "field_violations", ())
    retry = found.get("RetryInfo")
    return Refusal(
        code=error.code(),
        reason=found["ErrorInfo"].reason,
        metadata=dict(found["ErrorInfo"].metadata),
        faults={each.field: each.reason for each in violations},
        messages={each.field: each.localized_message.message for each in violations},
        retry_seconds=retry.retry_delay.ToMilliseconds() / 1000 if retry else None,
        localized=found["LocalizedMessage"].message,
        details=error.details() or "",
        request_id=str(trailing["x-request-id"]),
        trace=list(getattr(found.get("DebugInfo"), "stack_entries", ())),
    )


async def refused(call) -> Refusal:
    """The refusal of a call that must not succeed."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return refusal(error)
    raise AssertionError(f"was not refused: {answer}")


class RunningCore:
    """A core that serves on a free port, its stubs, and a look behind the scenes."""

    def __init__(self, core: app.Core, clock: MovableClock, channel: grpc.aio.Channel) -> None:
        self.core = core
        self.clock = clock
        self.channel = channel
        self.domain = core._domain
        self.auth = auth_pb2_grpc.AuthServiceStub(channel)
        self.users = users_pb2_grpc.UserServiceStub(channel)
        self.factors = factors_pb2_grpc.FactorServiceStub(channel)
        self.audit = audit_pb2_grpc.AuditServiceStub(channel)
        self._count = 0

    def fresh_email(self) -> str:
        return f"user-{UUID(bytes=self.domain.entropy.token(16)).hex}@example.com"

    async def user(self, *roles: str, email: str = "", password: str = PASSWORD) -> Account:
        """A confirmed account."""
        new = NewUser(
            email=email or self.fresh_email(),
            password=password,
            display_name="Ada",
            email_verified=True,
            roles=roles,
        )
        return await self.domain.users.create(SYSTEM, new)

    async def sign_in(
        self, email: str, password: str = PASSWORD, **options
    ) -> auth_pb2.SignInResponse:
        request = auth_pb2.SignInRequest(email=email, password=password)
        return await self.auth.SignIn(request, **options)

    async def bearer(self, *roles: str) -> tuple[tuple[str, str], ...]:
        """Metadata of a fresh user with these roles."""
        account = await self.user(*roles)
        return bearer(await self.sign_in(account.user.email))

    async def sql(self, statement: str, **values):
        async with self.domain.database.transaction() as tx:
            result = await tx.execute(text(statement), values)
            return result.all() if result.returns_rows else []

    async def mailed_token(self, email: str, purpose: str = "verify_email") -> str:
        """The newest token that would be mailed to an address."""
        rows = await self.sql(
            """
            SELECT token_id FROM auth.one_time_tokens JOIN users.users USING (user_id)
            WHERE email_key = :email AND purpose = :purpose ORDER BY token_id DESC LIMIT 1
            """,
            email=email.lower(),
            purpose=purpose,
        )
        return one_time_tokens.make(self.domain.vault, rows[0][0])

    async def events(self, **conditions: str) -> list:
        """The events that match, oldest first."""
        where = " AND ".join(f"{name} = :{name}" for name in conditions) or "true"
        return await self.sql(
            f"SELECT * FROM audit.events WHERE {where} ORDER BY event_id",  # noqa: S608 - a test's own
            **conditions,
        )

    async def event_count(self) -> int:
        return (await self.sql("SELECT count(*) FROM audit.events"))[0][0]


def bearer(signed_in: auth_pb2.SignInResponse) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {signed_in.tokens.access_token}"),)


def core_settings(database_url: str, valkey_url: str, **changes) -> Settings:
    """Settings of a core under test: cheap hashes, wide budgets."""
    values = {
        "profile": "test",
        "grpc_address": "127.0.0.1:0",
        "database_url": database_url,
        "valkey_url": valkey_url,
        "secret_key": base64.urlsafe_b64encode(b"s" * 32).decode(),
        "edge_secret": EDGE_SECRET,
        "argon2_memory_kib": 64,
        "argon2_time": 1,
        "hashing_queue": 500,
        "rate_limit_scale": 1000,
        "shutdown_grace": 1.0,
        "database_pool": 10,
        "database_pool_timeout": 30,
    }
    return Settings(**(values | changes))


@asynccontextmanager
async def running_core(settings: Settings) -> AsyncIterator[RunningCore]:
    clock = MovableClock()
    core = app.build(settings, clock=clock)
    await core.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{core.port}") as channel:
            await channel.channel_ready()
            await core._domain.keyring.load()
            yield RunningCore(core, clock, channel)
    finally:
        await core.stop()
