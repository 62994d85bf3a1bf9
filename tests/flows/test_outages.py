"""What callers see when PostgreSQL, Valkey or a process of limen dies under them, and afterwards.

`docs/outages.md` states what these tests see. Nothing here restarts limen.
"""

import contextlib
import re
import signal
import time
from collections.abc import Callable
from uuid import uuid4

import grpc
import httpx
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.system import System

PASSWORD = "three boats at dawn"


@pytest.fixture(scope="module")
def limen(tmp_path_factory):
    """A limen of these tests' own, for they are rough with it."""
    with System(tmp_path_factory.mktemp("outages"), LIMEN_CORE_PROCESSES="2") as system:
        yield system


@pytest.fixture
def api(limen):
    with httpx.Client(base_url=limen.rest_url, timeout=20) as client:
        yield client


@pytest.fixture
def here(api, limen):
    return signed_in(api, limen.admin_email, limen.admin_password)


def signed_in(api, email, password):
    answer = api.post("/v1/auth/sign-in", json={"email": email, "password": password})
    return {"authorization": f"Bearer {answer.raise_for_status().json()['tokens']['accessToken']}"}


def until(condition: Callable[[], object], seconds: float = 30):
    """What a condition gives once it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.05)
    raise AssertionError("did not come about in time")


def find(limen, *words: str) -> psutil.Process | None:
    """The process of limen whose command line has these words, nearest to `limen up`."""
    for process in psutil.Process(limen.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            command = " ".join(process.cmdline())
            if all(word in command for word in words):
                return process
    return None


def part(limen, *words: str) -> psutil.Process:
    """That process, once it is there."""
    return until(lambda: find(limen, *words))


def kill(limen, *words: str) -> int:
    """Kills a part of limen without a word."""
    process = part(limen, *words)
    process.send_signal(signal.SIGKILL)
    return process.pid


def health(limen, service: str = ""):
    with grpc.insecure_channel(limen.grpc_address) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        return health_pb2_grpc.HealthStub(channel).Check(request, timeout=5).status


def ready(api):
    return api.get("/readyz")


def test_postgresql_dies_and_comes_back(api, limen, here):
    """Reads may go on from memory; whatever needs PostgreSQL is told when to try again."""
    sign_in = {"email": limen.admin_email, "password": limen.admin_password}
    seen = []

    kill(limen, "postgres", "-D")

    def all_is_well():
        answers = [
            api.post("/v1/auth/sign-in", json=sign_in),
            api.get("/v1/auth/sessions", headers=here),
            api.get("/v1/users/me", headers=here),
        ]
        seen.extend(answers)
        return all(answer.is_success for answer in answers) and ready(api).is_success

    until(lambda: not ready(api).is_success or seen, 10)
    until(all_is_well, 60)

    refused = [answer for answer in seen if not answer.is_success]
    assert {answer.status_code for answer in refused} <= {503}
    assert all("retry-after" in answer.headers for answer in refused)
    assert all(answer.json()["reason"] == "UNAVAILABLE" for answer in refused)
    until(lambda: health(limen) == health_pb2.HealthCheckResponse.SERVING)


def test_health_tells_that_postgresql_is_away(api, limen):
    postmaster = part(limen, "postgres", "-D")
    family = [postmaster, *postmaster.children()]
    for process in family:
        process.suspend()
    try:
        until(lambda: health(limen) == health_pb2.HealthCheckResponse.NOT_SERVING, 15)
        answer = until(lambda: (at := ready(api)).status_code == 503 and at, 15)
    finally:
        for process in family:
            process.resume()

    assert answer.json()["dependencies"]["postgresql"] == "down"
    until(lambda: ready(api).is_success, 30)
    serving = health_pb2.HealthCheckResponse.SERVING
    until(lambda: health(limen, "limen.users.v1.UserService") == serving)


def test_valkey_dies_and_nobody_notices(api, limen, here):
    guess = {"email": "no@example.org", "password": "x"}
    statuses = set()

    kill(limen, "valkey-server")

    def is_back():
        statuses.add(api.get("/v1/users/me", headers=here).status_code)
        statuses.add(api.post("/v1/auth/sign-in", json=guess).status_code)
        answer = ready(api)
        statuses.add(answer.status_code)
        return answer.json()["dependencies"]["valkey"] == "up" and find(limen, "valkey-server")

    until(is_back)

    assert statuses <= {200, 401, 429}, "calls go on; guesses may be locked out"


def test_mail_that_was_asked_for_while_valkey_was_away_arrives_once(api, limen):
    email = f"ada-{uuid4().hex}@example.org"
    kill(limen, "valkey-server")

    request = {"email": email, "password": PASSWORD}
    api.post("/v1/auth/sign-up", json=request).raise_for_status()

    mail = limen.wait_for_mail(email)
    token = re.search(r"[?]token=([\w-]+)", mail["text"])[1]
    api.post("/v1/auth/email:verify", json={"token": token}).raise_for_status()
    assert len(limen.mail(email)) == 1


def test_flushing_valkey_revives_nothing(api, limen):
    revoked = signed_in(api, limen.admin_email, limen.admin_password)
    api.post("/v1/auth/sign-out", headers=revoked).raise_for_status()
    email = f"nobody-{uuid4().hex}@example.org"
    guess = {"email": email, "password": "a guess"}
    reasons = [api.post("/v1/auth/sign-in", json=guess).json()["reason"] for _ in range(11)]
    assert reasons[-1] == "SIGN_IN_LOCKED"

    kill(limen, "valkey-server")
    until(lambda: ready(api).json()["dependencies"]["valkey"] == "up")

    assert api.get("/v1/users/me", headers=revoked).status_code == 401
    assert api.post("/v1/auth/sign-in", json=guess).json()["reason"] == "SIGN_IN_LOCKED"


def test_a_worker_that_is_killed_loses_no_mail_and_sends_none_twice(api, limen):
    emails = [f"ada-{uuid4().hex}@example.org" for _ in range(12)]
    for number, email in enumerate(emails):
        request = {"email": email, "password": PASSWORD}
        api.post("/v1/auth/sign-up", json=request).raise_for_status()
        if number % 4 == 1:
            kill(limen, "server.worker")

    for email in emails:
        limen.wait_for_mail(email)
    assert [len(limen.mail(email)) for email in emails] == [1] * len(emails)


def test_a_core_that_is_killed_is_replaced_while_the_others_serve(api, limen, here):
    cores = [
        process
        for process in psutil.Process(limen.pid).children(recursive=True)
        if process.cmdline()[-2:] == ["-m", "server"]
    ]
    leader = next(core for core in cores if core.children())
    followers = {core.pid for core in leader.children()}
    assert len(followers) == 2

    psutil.Process(min(followers)).send_signal(signal.SIGKILL)

    until(lambda: len({core.pid for core in leader.children()} - {min(followers)}) == 2)
    until(lambda: api.get("/v1/users/me", headers=here).is_success)
    assert min(followers) not in {core.pid for core in leader.children()}


def test_the_edge_says_so_when_the_core_is_away(api, limen, here):
    core = part(limen, "-m server")
    while core.parent() and core.parent().pid != limen.pid:
        core = core.parent()
    processes = [core, *core.children()]
    for process in processes:
        process.send_signal(signal.SIGKILL)

    refused = until(lambda: (at := api.get("/v1/users/me", headers=here)).is_error and at, 10)
    assert refused.status_code == 503
    assert "retry-after" in refused.headers

    until(lambda: api.get("/v1/users/me", headers=here).is_success, 30)
