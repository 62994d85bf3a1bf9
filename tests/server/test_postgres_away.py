"""A core alone, and a PostgreSQL that is stopped and started again beside it."""

import asyncio

import grpc
import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from limen.audit.v1 import audit_pb2
from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from server import app
from server.platform import migrations
from server.platform.embedded.directory import DataDirectory
from server.platform.embedded.postgres import EmbeddedPostgres
from tests.eventually import soon
from tests.server.running_core import PASSWORD, bearer, core_settings, refused, running_core

ME = users_pb2.GetUserRequest(user_id="me")
SERVICES = ["", *(service.full_name for service in app.SERVICES)]
SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest_asyncio.fixture
async def postgres(tmp_path):
    """A PostgreSQL of this test's own, with limen's schema."""
    with DataDirectory(tmp_path / "data") as data:
        server = EmbeddedPostgres(
            directory=data.path / "postgres",
            sockets=data.sockets(),
            log=data.log("postgres"),
        )
        await server.start()
        await migrations.upgrade(server.url)
        yield server
        await server.stop(5)


@pytest_asyncio.fixture
async def core(postgres, valkey_url):
    async with running_core(core_settings(postgres.url, valkey_url)) as core:
        yield core


async def serving(core):
    stub = health_pb2_grpc.HealthStub(core.channel)
    checks = [
        (await stub.Check(health_pb2.HealthCheckRequest(service=name))).status for name in SERVICES
    ]
    return set(checks) == {SERVING}


async def not_serving(core):
    return not await serving(core)


@pytest.mark.parametrize("how", ["in order", "by force"])
async def test_calls_are_refused_while_it_is_away_and_go_on_when_it_is_back(core, postgres, how):
    account = await core.user("auditor")
    kept, ended = [bearer(await core.sign_in(account.user.email)) for _ in range(2)]
    await core.auth.SignOut(auth_pb2.SignOutRequest(), metadata=ended)
    await core.users.GetUser(ME, metadata=kept)
    stream = core.audit.WatchEvents(audit_pb2.WatchEventsRequest(), metadata=kept)
    following = asyncio.create_task(refused(stream.read()))
    await soon(lambda: core.domain.audit._watchers)

    if how == "by force":
        postgres.kill()
    await postgres.stop(5)
    for call in (
        lambda: core.users.GetUser(ME, metadata=kept),
        lambda: core.users.GetUser(ME, metadata=ended),
        lambda: core.sign_in(account.user.email),
        lambda: core.sign_in(account.user.email, "a wrong password"),
        lambda: core.auth.SignUp(auth_pb2.SignUpRequest(email="a@example.com", password=PASSWORD)),
        lambda: core.auth.RefreshTokens(auth_pb2.RefreshTokensRequest(refresh_token="lmr_x")),
    ):
        answer = await refused(call())
        assert (answer.code, answer.reason) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
        assert answer.retry_seconds == 1.0
    assert (await following).reason == "UNAVAILABLE"
    assert (await core.auth.GetJwks(auth_pb2.GetJwksRequest())).keys
    await soon(lambda: not_serving(core))

    await postgres.start()
    await soon(lambda: serving(core))
    assert (await core.users.GetUser(ME, metadata=kept)).user.email == account.user.email
    assert (await refused(core.users.GetUser(ME, metadata=ended))).reason == "CREDENTIAL_INVALID"
    assert await core.sign_in(account.user.email)
    await soon(core.domain.changes.is_live)


async def test_a_guess_that_could_not_be_counted_is_not_evaluated(core, postgres):
    account = await core.user()
    await core.sign_in(account.user.email)
    evaluated = []
    verify = core.domain.hasher.verify

    async def counted(*arguments):
        evaluated.append(arguments)
        return await verify(*arguments)

    core.domain.hasher.verify = counted
    await postgres.stop(5)
    for _ in range(20):
        await refused(core.sign_in(account.user.email, "a wrong password"))
    await postgres.start()
    await soon(lambda: serving(core))

    assert not evaluated
    assert await core.sign_in(account.user.email)
