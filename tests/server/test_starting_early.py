"""A core that is started before its database is: it waits, says so, and then works."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from server import app
from server.platform import migrations
from server.platform.probe import Probe
from tests.eventually import soon
from tests.server.running_core import PASSWORD, core_settings, refused, running_core

STATUS = health_pb2.HealthCheckResponse
SERVICES = ["", *(service.full_name for service in app.SERVICES), "dependency.postgresql"]


class EarlyCore:
    """A core of whose database nobody knows anything."""

    def __init__(self, core, channel):
        self.core = core
        self.channel = channel
        self._health = health_pb2_grpc.HealthStub(channel)

    async def statuses(self):
        return [
            (await self._health.Check(health_pb2.HealthCheckRequest(service=name))).status
            for name in SERVICES
        ]

    def ended_parts(self):
        return sum(task.done() for task in self.core._tasks)

    async def serves(self):
        return set(await self.statuses()) == {STATUS.SERVING}


@asynccontextmanager
async def early_core(settings):
    core = app.build(settings)
    await core.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{core.port}") as channel:
            await channel.channel_ready()
            yield EarlyCore(core, channel)
    finally:
        await core.stop()


@pytest.fixture(autouse=True)
def logs_say():
    """Whether an event has been logged; nothing of it is printed."""
    with capture_logs() as logs:
        yield lambda event: any(line["event"] == event for line in logs)


def nowhere(url: str) -> str:
    """A database that does not exist, on the same server."""
    parts = make_url(url).set(database="limen_test_of_nobody")
    return parts.render_as_string(hide_password=False)


async def test_health_knows_its_services_before_it_knows_anything_else(
    empty_database_url, valkey_url
):
    async with early_core(core_settings(nowhere(empty_database_url), valkey_url)) as core:
        assert set(await core.statuses()) == {STATUS.NOT_SERVING}


async def test_a_core_works_as_soon_as_its_database_is_migrated(
    empty_database_url, valkey_url, logs_say
):
    async with early_core(core_settings(empty_database_url, valkey_url)) as core:
        await soon(lambda: logs_say("part.failed") and logs_say("dependency.down"))
        assert set(await core.statuses()) == {STATUS.NOT_SERVING}
        assert core.ended_parts() == 0

        await migrations.upgrade(empty_database_url)
        await soon(core.serves)

        assert core.ended_parts() == 0
        assert core.core._domain.keyring.published()


async def test_a_token_is_not_called_invalid_while_nobody_can_tell(empty_database_url, valkey_url):
    token = (("authorization", "Bearer aaaa.bbbb.cccc"),)
    async with early_core(core_settings(nowhere(empty_database_url), valkey_url)) as core:
        users = core.channel.unary_unary(
            "/limen.users.v1.UserService/GetUser",
            request_serializer=users_pb2.GetUserRequest.SerializeToString,
        )
        keys = core.channel.unary_unary(
            "/limen.auth.v1.AuthService/GetJwks",
            request_serializer=auth_pb2.GetJwksRequest.SerializeToString,
        )
        answers = [
            await refused(users(users_pb2.GetUserRequest(user_id="me"), metadata=token)),
            await refused(keys(auth_pb2.GetJwksRequest())),
        ]

    assert [(answer.reason, answer.retry_seconds) for answer in answers] == [("UNAVAILABLE", 1)] * 2


async def test_a_pool_that_is_used_up_is_not_an_outage(database_url, valkey_url):
    settings = core_settings(database_url, valkey_url, database_pool=2, database_pool_timeout=5)
    async with running_core(settings) as core, AsyncExitStack() as held:
        for _ in range(2):
            await held.enter_async_context(core.domain.database.transaction())

        await core.core._health.open()

        await soon(EarlyCore(core.core, core.channel).serves)


async def test_a_failed_part_is_reported_and_goes_on(database_url, valkey_url, monkeypatch):
    settings = core_settings(database_url, valkey_url)
    core = app.build(settings)
    failures = [ValueError("of a kind nobody foresaw")]
    again = asyncio.Event()

    async def run():
        if failures:
            raise failures.pop()
        again.set()
        await asyncio.Event().wait()

    reported = []
    monkeypatch.setattr(core._domain.sessions, "run", run)
    monkeypatch.setattr(core._reporter, "report", lambda error, **_: reported.append(error))
    await core.start()
    try:
        await asyncio.wait_for(again.wait(), 20)
    finally:
        await core.stop()

    assert [str(error) for error in reported] == ["of a kind nobody foresaw"]


async def test_uses_of_sessions_survive_a_database_that_refuses_them(
    database_url, valkey_url, monkeypatch
):
    async with running_core(core_settings(database_url, valkey_url)) as core:
        account = await core.user()
        await core.sign_in(account.user.email, PASSWORD)
        sessions = core.domain.sessions
        session_id = (await core.sql("SELECT session_id FROM auth.sessions LIMIT 1"))[0][0]
        sessions._uses[session_id] = core.clock.now()

        async def refuses(*_):
            raise ValueError("statement timeout")

        with monkeypatch.context() as patched:
            patched.setattr("server.auth.repository.touch", refuses)
            with pytest.raises(ValueError, match="timeout"):
                await sessions.flush()

        assert session_id in sessions._uses


async def test_a_probe_comes_back_by_itself(database_url):
    probe = Probe(url=database_url, name="limen-test")
    try:
        await probe.look()
        probe._connection.terminate()
        with pytest.raises(Exception, match="UNAVAILABLE"):
            await probe.look()
        await probe.look()
    finally:
        probe.close()
