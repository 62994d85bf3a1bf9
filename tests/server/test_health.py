"""Health: what Check and Watch say of every service and dependency, whatever goes wrong."""

import asyncio
from contextlib import asynccontextmanager

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from redis.exceptions import ConnectionError as ValkeyAwayError

from server import app, errors
from server import health as module
from server.health import POSTGRESQL, VALKEY, Health
from tests.eventually import soon
from tests.server.running_core import core_settings, running_core

SERVICES = [service.full_name for service in app.SERVICES]
EVERYTHING = ["", *SERVICES, POSTGRESQL, VALKEY]
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Dependency:
    """Answers pings as a test wants it to."""

    def __init__(self) -> None:
        self.fault: BaseException | None = None
        self.hangs = False
        self.pings = 0

    async def ping(self) -> None:
        self.pings += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault


class Watched:
    """A health service on a port of its own, and its dependencies."""

    stub: health_pb2_grpc.HealthStub

    def __init__(self) -> None:
        self.postgresql = Dependency()
        self.valkey = Dependency()
        self.health = Health(
            services=SERVICES, postgresql=self.postgresql.ping, valkey=self.valkey.ping
        )

    async def up(self) -> set[str]:
        """All that is SERVING."""
        answers = {name: await self.check(name) for name in EVERYTHING}
        return {name for name, status in answers.items() if status == SERVING}

    async def check(self, name: str):
        return (await self.stub.Check(health_pb2.HealthCheckRequest(service=name))).status


@pytest.fixture
async def watched():
    watched = Watched()
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(watched.health.servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await watched.health.open()
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        watched.stub = health_pb2_grpc.HealthStub(channel)
        yield watched
    await server.stop(None)


async def test_nothing_serves_before_it_is_known_to(watched):
    assert await watched.up() == set()


async def test_everything_serves_while_everything_is_there(watched):
    await watched.health.probe()

    assert await watched.up() == set(EVERYTHING)


async def test_without_postgresql_nothing_serves(watched):
    await watched.health.probe()
    watched.postgresql.fault = errors.Unavailable()
    await watched.health.probe()

    assert await watched.up() == {VALKEY}


async def test_without_valkey_everything_else_does(watched):
    await watched.health.probe()
    watched.valkey.fault = ValkeyAwayError()
    await watched.health.probe()

    assert await watched.up() == set(EVERYTHING) - {VALKEY}


@pytest.mark.parametrize(
    "fault", [OSError(), TimeoutError(), ValueError("odd"), RuntimeError(), AssertionError()]
)
async def test_a_dependency_that_fails_in_any_way_is_down(watched, fault):
    watched.postgresql.fault = watched.valkey.fault = fault
    await watched.health.probe()

    assert await watched.up() == set()


async def test_a_dependency_that_hangs_is_down(watched, monkeypatch):
    monkeypatch.setattr(module, "_PROBE_TIMEOUT", 0.05)
    await watched.health.probe()
    watched.postgresql.hangs = True
    await watched.health.probe()

    assert await watched.up() == {VALKEY}


async def test_what_comes_back_serves_again(watched):
    watched.postgresql.fault = errors.Unavailable()
    await watched.health.probe()
    watched.postgresql.fault = None
    await watched.health.probe()

    assert await watched.up() == set(EVERYTHING)


async def test_it_looks_again_and_again(watched, monkeypatch):
    monkeypatch.setattr(module, "_PROBE_SECONDS", 0.01)
    watched.postgresql.fault = ValueError()
    running = asyncio.create_task(watched.health.run())
    await soon(lambda: watched.postgresql.pings > 3)
    watched.postgresql.fault = None
    await soon(watched.up)

    running.cancel()
    assert await watched.up() == set(EVERYTHING)


async def test_whoever_watches_is_told_of_each_change_once(watched):
    await watched.health.probe()
    stream = watched.stub.Watch(health_pb2.HealthCheckRequest(service=SERVICES[0]))
    seen = [(await stream.read()).status]
    for fault in (None, errors.Unavailable(), errors.Unavailable(), None, None):
        watched.postgresql.fault = fault
        await watched.health.probe()
    seen += [(await stream.read()).status for _ in range(2)]
    await watched.health.close()
    seen.append((await stream.read()).status)
    stream.cancel()

    assert seen == [SERVING, NOT_SERVING, SERVING, NOT_SERVING]


async def test_after_the_end_no_probe_revives_it(watched):
    await watched.health.probe()
    await watched.health.close()
    watched.postgresql.fault = errors.Unavailable()
    await watched.health.probe()
    watched.postgresql.fault = None
    await watched.health.probe()

    assert await watched.up() == set()


async def test_a_service_that_does_not_exist_is_not_found(watched):
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await watched.check("limen.nothing.v1.Service")

    assert refusal.value.code() is grpc.StatusCode.NOT_FOUND


async def test_who_watches_one_that_does_not_exist_waits_for_it(watched):
    stream = watched.stub.Watch(health_pb2.HealthCheckRequest(service="limen.nothing.v1.Service"))

    assert (await stream.read()).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    stream.cancel()


async def rest_of(stream):
    statuses = []
    while (answer := await stream.read()) is not grpc.aio.EOF:
        statuses.append(answer.status)
    return statuses


async def test_streams_end_when_the_process_stops_and_say_why(watched):
    await watched.health.probe()
    streams = [
        watched.stub.Watch(health_pb2.HealthCheckRequest(service=name))
        for name in ("", SERVICES[0], "limen.nothing.v1.Service")
    ]
    for stream in streams:
        await stream.read()

    await watched.health.close()
    told = [await rest_of(stream) for stream in streams]

    assert told == [[NOT_SERVING], [NOT_SERVING], []]


async def test_who_begins_to_watch_a_process_that_stops_is_told_and_let_go(watched):
    await watched.health.probe()
    await watched.health.close()

    stream = watched.stub.Watch(health_pb2.HealthCheckRequest(service=SERVICES[0]))

    assert [answer.status async for answer in stream] == [NOT_SERVING]


class TestCore:
    """The same of a whole core."""

    @asynccontextmanager
    async def statuses(self, database_url, valkey_url):
        async with running_core(core_settings(database_url, valkey_url)) as core:
            stub = health_pb2_grpc.HealthStub(core.channel)

            async def up():
                checks = {
                    name: (await stub.Check(health_pb2.HealthCheckRequest(service=name))).status
                    for name in EVERYTHING
                }
                return {name for name, status in checks.items() if status == SERVING}

            yield up

    async def test_a_core_with_everything_serves(self, database_url, valkey_url):
        async with self.statuses(database_url, valkey_url) as up:
            await soon(lambda: is_all(up(), EVERYTHING))

    async def test_a_core_without_valkey_serves(self, database_url, tmp_path):
        async with self.statuses(database_url, f"unix://{tmp_path}/nothing.sock") as up:
            await soon(lambda: is_all(up(), set(EVERYTHING) - {VALKEY}))


async def is_all(found, expected) -> bool:
    return await found == set(expected)
