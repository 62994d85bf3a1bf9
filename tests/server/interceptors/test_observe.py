"""Every call leaves one line of log and one observation, under bounded names."""

import asyncio

import grpc
import pytest

from limen.audit.v1 import audit_pb2
from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from tests.eventually import soon
from tests.server.running_core import PASSWORD, bearer, refused

GET_USER = "/limen.users.v1.UserService/GetUser"
SIGN_IN = "/limen.auth.v1.AuthService/SignIn"
WATCH = "/limen.audit.v1.AuditService/WatchEvents"
ME = users_pb2.GetUserRequest(user_id="me")


@pytest.fixture
async def account(core):
    return await core.user()


@pytest.fixture
async def here(core, account):
    return bearer(await core.sign_in(account.user.email))


def with_id(request_id, *metadata):
    return (*metadata, ("x-request-id", request_id))


def samples(core, name):
    """The samples of a metric: value by labels."""
    return {
        tuple(sample.labels.values()): sample.value
        for metric in core.core._registry.collect()
        for sample in metric.samples
        if sample.name == name
    }


async def test_a_call_leaves_one_line_with_its_request_and_user(
    core, log, account, here, request_id
):
    await core.users.GetUser(ME, metadata=with_id(request_id, *here))

    (line,) = await log.wait(request_id=request_id)
    assert (line["rpc"], line["code"]) == (GET_USER, "OK")
    assert line["user_id"] == str(account.user.user_id)
    assert 0 < line["ms"] < 60_000
    assert line["time"].endswith("Z")
    assert "reason" not in line


async def test_a_refused_call_leaves_its_reason(core, log, request_id):
    await refused(core.users.GetUser(ME, metadata=with_id(request_id)))

    (line,) = await log.wait(request_id=request_id)
    assert (line["code"], line["reason"]) == ("UNAUTHENTICATED", "UNAUTHENTICATED")
    assert "user_id" not in line


async def test_no_line_holds_what_was_said(core, log, account, here):
    await core.users.GetUser(ME, metadata=here)
    await refused(core.sign_in(account.user.email, "a wrong password"))

    lines = str(await log.wait(rpc=SIGN_IN, code="UNAUTHENTICATED"))
    assert account.user.email not in lines
    assert "wrong password" not in lines
    assert not log.read(rpc=here[0][1])


@pytest.mark.parametrize(
    "stated", ["", "short", "with blank here", "x" * 200, 'quote"quote', "a/../b"]
)
async def test_a_request_id_that_could_confuse_is_replaced(core, log, stated):
    answer = await refused(core.users.GetUser(ME, metadata=with_id(stated)))

    assert answer.request_id != stated
    assert len(await log.wait(request_id=answer.request_id)) == 1


async def test_an_answer_names_its_request_id(core, here, request_id):
    call = core.users.GetUser(ME, metadata=with_id(request_id, *here))
    await call

    assert dict(await call.trailing_metadata())["x-request-id"] == request_id


async def test_calls_are_counted_by_rpc_and_status(core, here):
    before = samples(core, "limen_rpc_seconds_count")
    await core.users.GetUser(ME, metadata=here)
    await refused(core.users.GetUser(ME))
    await soon(lambda: (GET_USER, "UNAUTHENTICATED") in samples(core, "limen_rpc_seconds_count"))

    after = samples(core, "limen_rpc_seconds_count")
    assert after[GET_USER, "OK"] == before.get((GET_USER, "OK"), 0) + 1
    assert samples(core, "limen_rpc_running") == {(): 0}


async def test_what_callers_make_up_makes_no_labels(core, log):
    for number in range(20):
        unknown = core.channel.unary_unary(f"/limen.users.v1.UserService/Unknown{number}")
        await refused(unknown(b""))
        elsewhere = core.channel.unary_unary(f"/evil.Service{number}/Call")
        await refused(elsewhere(b""))
    await soon(lambda: len(log.read(rpc="unknown")) == 40)

    counted = samples(core, "limen_rpc_seconds_count")
    assert {labels for labels in counted if "UNIMPLEMENTED" in labels} == {
        ("unknown", "UNIMPLEMENTED")
    }
    assert counted["unknown", "UNIMPLEMENTED"] == 40


async def test_an_unexpected_error_is_counted(core, monkeypatch, here):
    async def fail(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(core.domain.users, "get", fail)
    await refused(core.users.GetUser(ME, metadata=here))

    assert samples(core, "limen_rpc_unexpected_errors_total") == {(GET_USER,): 1}


async def test_a_call_that_its_caller_left_is_logged_as_such(
    core, log, monkeypatch, here, request_id
):
    begun = asyncio.Event()

    async def hang(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(core.domain.users, "get", hang)
    call = core.users.GetUser(ME, metadata=with_id(request_id, *here))
    waiting = asyncio.ensure_future(call)
    await begun.wait()
    waiting.cancel()

    (line,) = await log.wait(request_id=request_id)
    assert line["code"] == "CANCELLED"


async def test_a_stream_leaves_its_line_when_it_ends(core, log, request_id):
    metadata = with_id(request_id, *await core.bearer("auditor"))
    stream = core.audit.WatchEvents(audit_pb2.WatchEventsRequest(first_index=0), metadata=metadata)
    await soon(lambda: samples(core, "limen_rpc_running") == {(): 1})
    assert not log.read(request_id=request_id)
    stream.cancel()

    (line,) = await log.wait(request_id=request_id)
    assert (line["rpc"], line["code"]) == (WATCH, "CANCELLED")


async def test_the_address_and_device_of_a_browser_are_believed_of_the_edge_alone(core, account):
    stated = (("limen-client-network", "192.0.2.9"), ("limen-client-user-agent", "Browser/1"))
    request = auth_pb2.SignInRequest(email=account.user.email, password=PASSWORD)
    secrets = [(), (("limen-edge-secret", "wrong"),), (("limen-edge-secret", ""),)]
    for secret in secrets:
        session = (await core.auth.SignIn(request, metadata=(*stated, *secret))).session
        assert session.network == "127.0.0.1"
        assert session.user_agent.startswith("grpc-")


async def test_a_code_of_grpc_never_leaks_as_unknown(core):
    """Whatever happens, a call ends with one of the codes that the contract names."""
    for method in ("GetUser", "ListUsers", "UpdateUser", "DisableUser"):
        call = core.channel.unary_unary(f"/limen.users.v1.UserService/{method}")
        assert (await refused(call(b""))).code is grpc.StatusCode.UNAUTHENTICATED
