"""What reaches an RPC, and what is answered in its place."""

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from server import app
from tests.server.production import PRODUCTION
from tests.server.running_core import core_settings, refused, running_core
from tests.server.shared_core import core, shared_core

__all__ = ["core", "shared_core"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = [
    "/limen.users.v1.UserService/Nothing",
    "/limen.users.v1.UserService/getuser",
    "/limen.users.v1.UserService/",
    "/limen.users.v1.UserService",
    "/nothing.Service/Call",
    "/grpc.health.v1.Health/Nothing",
    "/grpc.health.v1.HealthX/Check",
    "/grpc.channelz.v1.Channelz/GetServers",
    "/",
    "/a/b/c",
]


@pytest.mark.parametrize("path", UNKNOWN)
async def test_an_unknown_rpc_is_refused_like_any_other(core, path):
    answer = await refused(core.channel.unary_unary(path)(b""))

    assert answer.code is grpc.StatusCode.UNIMPLEMENTED
    assert answer.reason == "UNIMPLEMENTED"
    assert answer.request_id
    assert answer.localized


@pytest.mark.parametrize("kind", ["unary_stream", "stream_unary", "stream_stream"])
async def test_so_is_an_unknown_stream(core, kind):
    def parts():
        yield b"anything"

    call = getattr(core.channel, kind)("/nothing.Service/Call")
    stream = call(b"" if kind == "unary_stream" else parts())
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await (stream if kind == "stream_unary" else stream.read())

    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_health_needs_no_credential(core):
    stub = health_pb2_grpc.HealthStub(core.channel)

    answer = await stub.Check(health_pb2.HealthCheckRequest())

    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_reflection_shows_the_contract(core):
    stub = reflection_pb2_grpc.ServerReflectionStub(core.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="*")

    answers = [answer async for answer in stub.ServerReflectionInfo(iter([request]))]

    names = {service.name for service in answers[0].list_services_response.service}
    assert names >= {service.full_name for service in app.SERVICES}


@pytest.mark.parametrize("changes", [PRODUCTION, {"reflection": False}], ids=["production", "off"])
async def test_reflection_can_be_off(database_url, valkey_url, changes):
    settings = core_settings(database_url, valkey_url, **changes)
    async with running_core(settings) as core:
        stub = reflection_pb2_grpc.ServerReflectionStub(core.channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="*")
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await stub.ServerReflectionInfo(iter([request])).read()

    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("size", [4 * 1024 * 1024 + 1, 16 * 1024 * 1024])
async def test_a_request_that_is_too_large_is_refused(core, size):
    call = core.channel.unary_unary("/limen.auth.v1.AuthService/SignIn")
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call(b"\x0a" * size)

    assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\xff", b"\x0a\x02\xc3\x28", b"\x00" * 1000])
async def test_bytes_that_are_no_message_are_the_senders_fault(core, data):
    answer = await refused(core.channel.unary_unary("/limen.auth.v1.AuthService/SignIn")(data))

    assert answer.code is grpc.StatusCode.INVALID_ARGUMENT
    assert answer.reason == "INVALID_REQUEST"


async def test_fields_of_a_newer_contract_do_no_harm(core):
    newer = b"\x0a\x02me" + b"\xfa\x7f\x03new"
    call = core.channel.unary_unary(
        "/limen.users.v1.UserService/GetUser",
        response_deserializer=users_pb2.GetUserResponse.FromString,
    )

    assert (await call(newer, metadata=await core.bearer())).user.email


async def test_an_rpc_of_the_contract_is_called_by_many_at_once(core):
    request = auth_pb2.GetJwksRequest()
    answers = [await core.auth.GetJwks(request) for _ in range(50)]

    assert len({answer.SerializeToString() for answer in answers}) == 1
