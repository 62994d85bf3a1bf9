"""Bundled calls are what plain calls are, in everything but their price."""

import asyncio

import grpc
import pytest

from limen.audit.v1 import audit_pb2
from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from tests.server.interceptors.relayed import PROOF, bundles
from tests.server.running_core import EDGE_SECRET, PASSWORD, core_settings, refused, running_core
from tests.server.shared_core import core, shared_core

__all__ = ["core", "shared_core"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

ME = users_pb2.GetUserRequest(user_id="me")
SIGN_IN = "/limen.auth.v1.AuthService/SignIn"

REFUSED = [
    pytest.param("/limen.users.v1.UserService/GetUser", ME, id="without a credential"),
    pytest.param("/limen.users.v1.UserService/GetUser", b"\xff", id="no message"),
    pytest.param(SIGN_IN, auth_pb2.SignInRequest(email="no address"), id="invalid"),
    pytest.param(
        SIGN_IN, auth_pb2.SignInRequest(email="a@b.example", password="wrong"), id="wrong"
    ),
    pytest.param("/limen.users.v1.UserService/Nothing", b"", id="unknown"),
    pytest.param("no path", b"", id="no path"),
]
NOT_BUNDLED = [
    ("/limen.audit.v1.AuditService/WatchEvents", audit_pb2.WatchEventsRequest()),
    ("/limen.relay.v1.RelayService/Relay", b""),
    ("/grpc.health.v1.Health/Check", b""),
]


async def test_an_answer_is_what_a_plain_call_gets(core):
    metadata = (*await core.bearer(), ("x-request-id", "request-of-a-test"))
    plain = await core.users.GetUser(ME, metadata=metadata)

    async with bundles(core) as stream:
        answer = await stream.ask("GetUser", ME, metadata)

    assert (answer.code, answer.message) == (0, "")
    assert users_pb2.GetUserResponse.FromString(answer.response) == plain
    assert answer.trailing == {"x-request-id": "request-of-a-test"}


@pytest.mark.parametrize(("method", "request_"), REFUSED)
async def test_so_is_a_refusal(core, method, request_):
    data = request_ if isinstance(request_, bytes) else request_.SerializeToString()
    metadata = (("x-request-id", "request-of-a-test"), ("accept-language", "de"))
    path = method if method.startswith("/") else f"/{method}"
    plain = await refused(core.channel.unary_unary(path)(data, metadata=metadata))

    async with bundles(core) as stream:
        answer = await stream.ask(method if "/" in method else path, data, metadata)

    assert answer.refusal == plain
    assert answer.response == b""


@pytest.mark.parametrize(("method", "request_"), NOT_BUNDLED)
async def test_only_unary_rpcs_of_the_contract_are_bundled(core, method, request_):
    async with bundles(core) as stream:
        answer = await stream.ask(method, request_, await core.bearer("auditor"))

    assert answer.refusal.reason == "UNIMPLEMENTED"


async def test_metadata_for_the_cookie_come_along(core):
    account = await core.user()
    request = auth_pb2.SignInRequest(
        email=account.user.email, password=PASSWORD, delivery=auth_pb2.CREDENTIAL_DELIVERY_COOKIE
    )

    async with bundles(core) as stream:
        answer = await stream.ask(SIGN_IN, request)

    assert {"limen-session-credential", "limen-session-expire"} < set(answer.trailing)


async def test_each_call_has_an_origin_of_its_own(core):
    accounts = [await core.user() for _ in range(3)]
    async with bundles(core) as stream:
        calls = [
            stream.call(
                SIGN_IN,
                auth_pb2.SignInRequest(email=account.user.email, password="a wrong password"),
                (
                    ("limen-client-network", f"192.0.2.{number}"),
                    ("limen-client-user-agent", f"Browser/{number}"),
                    ("x-request-id", f"origin-{number}-{account.user.user_id}"),
                ),
            )
            for number, account in enumerate(accounts)
        ]
        await stream.send(*calls)
        for call in calls:
            assert (await stream.answer(call)).refusal.reason == "SIGN_IN_FAILED"

    for number, account in enumerate(accounts):
        request_id = f"origin-{number}-{account.user.user_id}"
        (event,) = await core.events(request_id=request_id)
        assert str(event.network) == f"192.0.2.{number}"


async def test_many_calls_in_one_bundle_end_in_any_order(core):
    users = [await core.user() for _ in range(5)]
    signed_in = [await core.sign_in(user.user.email) for user in users]
    async with bundles(core) as stream:
        calls = {}
        for user, session in zip(users, signed_in, strict=True):
            for _ in range(20):
                token = f"Bearer {session.tokens.access_token}"
                call = stream.call("GetUser", ME, (("authorization", token),))
                calls[call.id] = (call, user.user.email)
        await stream.send(*(call for call, _ in calls.values()))
        for call, email in calls.values():
            answer = await stream.answer(call)
            assert users_pb2.GetUserResponse.FromString(answer.response).user.email == email


@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        ((), "UNAUTHENTICATED"),
        ((("limen-edge-secret", ""),), "CREDENTIAL_INVALID"),
        ((("limen-edge-secret", f"{EDGE_SECRET}."),), "CREDENTIAL_INVALID"),
        ((("limen-edge-secret", EDGE_SECRET[:-1]),), "CREDENTIAL_INVALID"),
    ],
    ids=["none", "empty", "longer", "shorter"],
)
async def test_nobody_but_the_edge_sends_bundles(core, proof, reason):
    async with bundles(core, (*proof, *await core.bearer("admin"))) as stream:
        answer = await refused(stream.ended)

    assert answer.reason == reason
    assert answer.code is grpc.StatusCode.UNAUTHENTICATED
    assert stream.opening is None


async def test_a_core_without_a_secret_knows_no_edge(database_url, valkey_url):
    async with (
        running_core(core_settings(database_url, valkey_url, edge_secret=None)) as core,
        bundles(core) as stream,
    ):
        assert (await refused(stream.ended)).reason == "CREDENTIAL_INVALID"


async def test_a_call_cannot_unsay_who_sent_it(core):
    account = await core.user()
    async with bundles(core) as stream:
        answer = await stream.ask(
            SIGN_IN,
            auth_pb2.SignInRequest(email=account.user.email, password="a wrong password"),
            (
                ("limen-edge-secret", "a forged one"),
                ("limen-client-network", "192.0.2.77"),
                ("x-request-id", f"unsaid-{account.user.user_id}"),
            ),
        )

    assert answer.refusal.reason == "SIGN_IN_FAILED"
    (event,) = await core.events(request_id=f"unsaid-{account.user.user_id}")
    assert str(event.network) == "192.0.2.77"


async def test_text_that_is_no_text_is_no_credential(core):
    async with bundles(core) as stream:
        call = stream.call("GetUser", ME)
        call.metadata.add(key="authorization", value=b"Bearer \xff\xfe\x00")
        call.metadata.add(key="limen-session-bin", value=b"\xff")
        await stream.send(call)
        answer = await stream.answer(call)

    assert answer.refusal.reason == "CREDENTIAL_INVALID"


async def test_calls_of_a_bundle_are_counted_one_by_one(database_url, valkey_url):
    settings = core_settings(database_url, valkey_url, rate_limit_scale=0.05)
    async with running_core(settings) as core, bundles(core) as stream:
        request = auth_pb2.SignInRequest(email="nobody@example.com", password="a wrong password")
        here, there = ((("limen-client-network", f"198.51.100.{n}"),) for n in (1, 2))
        reasons = [(await stream.ask(SIGN_IN, request, here)).refusal.reason for _ in range(7)]
        elsewhere = await stream.ask(SIGN_IN, request, there)

    assert reasons == ["SIGN_IN_FAILED"] * 6 + ["RATE_LIMITED"]
    assert elsewhere.refusal.reason == "SIGN_IN_FAILED"


async def test_opening_streams_spends_no_budget(database_url, valkey_url):
    settings = core_settings(database_url, valkey_url, rate_limit_scale=0.01)
    async with running_core(settings) as core:
        for _ in range(10):
            async with bundles(core, PROOF) as stream:
                assert (await stream.ask("Nothing", b"")).refusal.reason == "UNIMPLEMENTED"


async def test_the_core_says_what_it_takes(core):
    async with bundles(core) as stream:
        await stream.ask("Nothing", b"")

    assert stream.opening.max_bytes == 4 * 1024 * 1024


async def test_an_empty_bundle_does_no_harm(core):
    async with bundles(core) as stream:
        await stream.send()
        await stream.send(cancelled=[1, 7, 2**64 - 1])
        assert (await stream.ask("Nothing", b"")).refusal.reason == "UNIMPLEMENTED"


async def test_a_stream_that_is_ended_is_answered_first(core):
    metadata = await core.bearer()
    async with bundles(core) as stream:
        calls = [stream.call("GetUser", ME, metadata) for _ in range(50)]
        await stream.send(*calls)
        await stream.rpc.done_writing()
        await asyncio.wait_for(stream.ended, 20)

        assert all(stream.is_answered(call) for call in calls)
        assert await stream.rpc.code() is grpc.StatusCode.OK
