"""What docs/outages.md states, under a steady stream of requests: parts of a running system are
killed without warning, and limen goes on without being started again.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import Any

import asyncpg
import grpc
import httpx
import psutil
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from redis import Redis

from tests.eventually import eventually
from tests.flows import processes
from tests.flows.people import Person, SignedIn, administrator, answered, reason
from tests.flows.traffic import Answer, Traffic
from tests.system import System

SERVICES = [
    "",
    "limen.auth.v1.AuthService",
    "limen.users.v1.UserService",
    "limen.audit.v1.AuditService",
]
SERVING = HealthCheckResponse.SERVING
AWAY = {Answer(kind, 503, "UNAVAILABLE", "1") for kind in ("me", "sign-in", "sign-up")}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that may be broken: two processes of the core, and cheap hashes."""
    folder = tmp_path_factory.mktemp("outages")
    settings = {
        "LIMEN_CORE_PROCESSES": "2",
        "LIMEN_ARGON2_MEMORY_KIB": "64",
        "LIMEN_ARGON2_TIME": "1",
        "LIMEN_RATE_LIMIT_SCALE": "1000",
    }
    with System(folder, **settings) as system:
        yield system


@pytest.fixture(scope="module")
def rest(system: System) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=system.rest_url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def ada(system: System, rest: httpx.Client) -> Person:
    """Somebody with an account, made without mail."""
    person = Person(system)
    headers = administrator(system).sign_in(rest).headers
    body = {"email": person.email, "password": person.password, "emailVerified": True}
    answered(rest.post("/v1/users", json=body, headers=headers))
    return person


@pytest.fixture
def ended(rest: httpx.Client, ada: Person) -> SignedIn:
    """A session that was signed out of."""
    session = ada.sign_in(rest)
    answered(rest.post("/v1/auth/sign-out", json={}, headers=session.headers))
    return session


@pytest.fixture
def traffic(system: System, rest: httpx.Client, ada: Person) -> Iterator[Traffic]:
    headers = ada.sign_in(rest).headers
    traffic = Traffic(system, email=ada.email, headers=headers)
    try:
        traffic.start()
        yield traffic
    finally:
        traffic.stop()


def readiness(system: System) -> tuple[int, dict[str, str]]:
    """Status and dependencies of `/readyz`."""
    answer = httpx.get(f"{system.rest_url}/readyz", timeout=30)
    return answer.status_code, answer.json()["dependencies"]


def serving(system: System) -> set[str]:
    """What a core says is SERVING."""
    with grpc.insecure_channel(system.grpc_address) as channel:
        stub: Any = HealthStub(channel)
        names = [*SERVICES, "dependency.postgresql", "dependency.valkey"]
        return {
            name
            for name in names
            if stub.Check(HealthCheckRequest(service=name), timeout=30).status == SERVING
        }


def stays_ended(rest: httpx.Client, session: SignedIn) -> None:
    """Neither of the tokens of a session does anything."""
    refresh = {"refreshToken": session.refresh_token}
    assert reason(rest.get("/v1/users/me", headers=session.headers))[1] == "CREDENTIAL_INVALID"
    assert reason(rest.post("/v1/auth/refresh", json=refresh))[1] == "CREDENTIAL_INVALID"


def each_got_one_letter(system: System, addresses: list[str]) -> None:
    """Everybody was sent their letter, and nobody got two."""
    asyncio.run(lose_patience(system))
    eventually(lambda: set(addresses) <= processes.letters(system).keys(), within=60)
    assert set(processes.letters(system).values()) == {1}


async def lose_patience(system: System) -> None:
    """Makes jobs whose id was lost on its way count as lost now, and not after half a minute."""
    connection = await asyncpg.connect(host=str(system.data_dir / "run"), user="limen")
    await connection.execute(
        "UPDATE jobs.outbox SET publish_time = NULL, due_time = now()"
        " WHERE done_time IS NULL AND dead_time IS NULL"
    )
    # Wakes the relay, as any new job does.
    await connection.execute("NOTIFY limen_changes, 'jobs:outbox'")
    await connection.close()


def test_postgresql_killed(
    system: System, rest: httpx.Client, ended: SignedIn, traffic: Traffic
) -> None:
    before = {process.pid for process in processes.cores(system)}
    with processes.kept_down(system, processes.postgresql):
        eventually(lambda: readiness(system)[0] == 503)
        assert readiness(system)[1]["valkey"] == "up"
        eventually(lambda: serving(system) == {"dependency.valkey"})
        traffic.fails()
        assert rest.get("/healthz").status_code == 200
        assert rest.get("/.well-known/jwks.json").json()["keys"]
        assert reason(rest.get("/v1/users/me", headers=ended.headers))[0] == 503

    eventually(lambda: readiness(system)[0] == 200)
    traffic.flows()
    traffic.stop()
    assert traffic.refusals() == AWAY
    assert {process.pid for process in processes.cores(system)} == before
    stays_ended(rest, ended)
    each_got_one_letter(system, traffic.signed_up)


def test_valkey_killed(
    system: System, rest: httpx.Client, ended: SignedIn, traffic: Traffic
) -> None:
    with processes.kept_down(system, processes.valkey):
        eventually(lambda: readiness(system)[1]["valkey"] == "down")
        assert readiness(system)[0] == 200
        # Either core finds out for itself.
        eventually(lambda: serving(system) == {*SERVICES, "dependency.postgresql"})
        waiting = len(traffic.signed_up)
        traffic.flows()
        stays_ended(rest, ended)
        assert not set(traffic.signed_up[waiting:]) & processes.letters(system).keys()

    eventually(lambda: readiness(system)[1]["valkey"] == "up")
    traffic.flows()
    traffic.stop()
    assert traffic.refusals() == set()
    stays_ended(rest, ended)
    each_got_one_letter(system, traffic.signed_up)


def test_valkey_emptied_and_cores_killed(
    system: System, rest: httpx.Client, ended: SignedIn
) -> None:
    locked = Person(system)
    wrong = {"email": locked.email, "password": "a wrong password"}
    reasons = [reason(rest.post("/v1/auth/sign-in", json=wrong))[1] for _ in range(11)]
    assert reasons == ["SIGN_IN_FAILED"] * 10 + ["SIGN_IN_LOCKED"]
    socket = system.data_dir / "run" / "valkey.sock"
    with Redis(unix_socket_path=str(socket)) as client:
        client.flushall()

    stays_ended(rest, ended)
    assert reason(rest.post("/v1/auth/sign-in", json=wrong))[1] == "SIGN_IN_LOCKED"

    leader = processes.part(system, "server")
    leader.kill()
    eventually(lambda: processes.is_running(system, "server", other_than=leader))
    eventually(lambda: readiness(system)[0] == 200)
    stays_ended(rest, ended)
    assert reason(rest.post("/v1/auth/sign-in", json=wrong))[1] == "SIGN_IN_LOCKED"


def test_worker_killed_while_it_sends(system: System, traffic: Traffic) -> None:
    for _ in range(3):
        _kill_the_worker_at_work(system)
    traffic.stop()

    assert traffic.refusals() == set()
    each_got_one_letter(system, traffic.signed_up)


def _kill_the_worker_at_work(system: System) -> None:
    worker = processes.part(system, "server.worker")
    sent = processes.letters(system).total()
    eventually(lambda: processes.letters(system).total() > sent)
    worker.kill()
    eventually(lambda: processes.is_running(system, "server.worker", other_than=worker))


def test_one_core_of_two_killed(system: System, traffic: Traffic) -> None:
    eventually(lambda: len(processes.cores(system)) == 2)
    victim, survivor = processes.cores(system)
    victim.kill()
    victim.wait()  # until then it is still given connections, and drops them

    for _ in range(10):
        assert set(SERVICES) <= serving(system)
    eventually(lambda: len(processes.cores(system)) == 2)
    assert survivor.is_running()
    assert victim.pid not in {process.pid for process in processes.cores(system)}
    traffic.flows()
    traffic.stop()
    assert {answer.reason for answer in traffic.refusals()} <= {"UNAVAILABLE"}
    assert {answer.status for answer in traffic.refusals()} <= {503}


def test_everything_stops_while_there_is_traffic(
    system: System, rest: httpx.Client, traffic: Traffic
) -> None:
    headers = administrator(system).sign_in(rest).headers
    started = psutil.Process(system.pid).children(recursive=True)
    with rest.stream("GET", "/v1/audit/events:watch", headers=headers) as stream:
        assert stream.status_code == 200
        os.kill(system.pid, signal.SIGTERM)
        # It promises ten seconds, and kills what is left after nine and a half.
        assert system.wait(12) == 0
    traffic.stop()

    assert not [process for process in started if process.is_running()]
    assert {answer.status for answer in traffic.refusals()} <= {0, 503}
