"""The example service against a scripted limen."""

import asyncio
import signal
import sys
from pathlib import Path

import examples
import grpc
import pytest
from examples.greeter.service import greeter_server
from examples.greeter.v1.greeter_pb2 import GreetRequest
from examples.greeter.v1.greeter_pb2_grpc import GreeterServiceStub
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from grpc import aio
from grpc_status import rpc_status

from limen.auth.v1.auth_pb2 import IntrospectTokenResponse
from limen.client import connect

Code = grpc.StatusCode


@pytest.fixture
async def knows_ada(backend):
    """A limen that knows one token."""

    async def introspect(request, _context):
        if request.token != "ada.s-token":
            return IntrospectTokenResponse(active=False)
        return IntrospectTokenResponse(active=True, sub="ada", scope="openid users.read")

    backend.script("IntrospectToken", introspect)
    return backend


@pytest.fixture
async def greet(backend):
    async with connect(backend.address) as limen:
        server = greeter_server(limen)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = GreeterServiceStub(channel)

            async def greet(*headers):
                return await stub.Greet(GreetRequest(), metadata=headers, timeout=30)

            yield greet
        await server.stop(None)


async def refused(greet, *headers):
    with pytest.raises(aio.AioRpcError) as caught:
        await greet(*headers)
    return caught.value


def bearer(token):
    return ("authorization", f"Bearer {token}")


async def test_a_caller_whom_limen_knows_is_greeted(greet, knows_ada):
    answer = await greet(bearer("ada.s-token"), ("x-request-id", "r-7"))
    assert answer.text == "Come in, ada."
    (asked,) = knows_ada.calls
    assert asked.request.token == "ada.s-token"
    assert asked.headers["authorization"] == "Bearer ada.s-token"
    assert asked.headers["x-request-id"] == "r-7"


async def test_the_scheme_is_read_in_any_case(greet, knows_ada):
    assert (await greet(("authorization", "bearer ada.s-token"))).text == "Come in, ada."
    assert len(knows_ada.calls) == 1


async def test_an_inactive_token_is_refused(greet, knows_ada):
    assert (await refused(greet, bearer("forged"))).code() is Code.UNAUTHENTICATED
    assert len(knows_ada.calls) == 1


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("authorization", ""),),
        (("authorization", "Bearer"),),
        (("authorization", "Bearer "),),
        (("authorization", "Basic ada.s-token"),),
        (bearer("ada.s-token"), bearer("ada.s-token")),
        (bearer("forged"), bearer("ada.s-token")),
    ],
)
async def test_without_one_clear_token_limen_is_not_even_asked(greet, knows_ada, headers):
    assert (await refused(greet, *headers)).code() is Code.UNAUTHENTICATED
    assert not knows_ada.calls


@pytest.mark.parametrize(
    "answer",
    [IntrospectTokenResponse(active=True), IntrospectTokenResponse(active=False, sub="ada")],
)
async def test_half_an_answer_lets_nobody_in(greet, backend, answer):
    async def introspect(_request, _context):
        return answer

    backend.script("IntrospectToken", introspect)
    assert (await refused(greet, bearer("t"))).code() is Code.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (Code.UNAUTHENTICATED, "CREDENTIAL_INVALID"),
        (Code.INVALID_ARGUMENT, "INVALID_REQUEST"),
    ],
)
async def test_a_token_that_limen_refuses_to_look_at_is_refused(
    greet, backend, refuse, code, reason
):
    backend.script("IntrospectToken", refuse(code, reason))
    assert (await refused(greet, bearer("t"))).code() is Code.UNAUTHENTICATED


@pytest.mark.parametrize(
    "code",
    [
        Code.UNAVAILABLE,
        Code.DEADLINE_EXCEEDED,
        Code.INTERNAL,
        Code.UNIMPLEMENTED,
        Code.PERMISSION_DENIED,
        Code.RESOURCE_EXHAUSTED,
    ],
)
async def test_whatever_ails_limen_nobody_is_let_in(greet, backend, refuse, code):
    retry = RetryInfo(retry_delay=Duration(seconds=7, nanos=500_000_000))
    backend.script("IntrospectToken", refuse(code, details=(retry,)))
    error = await refused(greet, bearer("ada.s-token"))
    assert error.code() is Code.UNAVAILABLE
    assert retry_delay(error) == retry.retry_delay


async def test_with_limen_down_nobody_is_let_in(greet, knows_ada):
    await greet(bearer("ada.s-token"))
    await knows_ada.stop()
    error = await refused(greet, bearer("ada.s-token"))
    assert error.code() is Code.UNAVAILABLE
    assert retry_delay(error) == Duration(seconds=1)


def retry_delay(error):
    (detail,) = rpc_status.from_call(error).details
    retry = RetryInfo()
    assert detail.Unpack(retry)
    return retry.retry_delay


async def test_the_program_serves_until_it_is_told_to_stop(knows_ada):
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "examples.greeter", "--limen", knows_ada.address, "--address", "127.0.0.1:0"),
        cwd=Path(next(iter(examples.__path__))).parent,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        line = await asyncio.wait_for(program.stderr.readline(), 30)
        address = line.decode().rpartition(" ")[2].strip()
        async with aio.insecure_channel(address) as channel:
            answer = await GreeterServiceStub(channel).Greet(
                GreetRequest(), metadata=(bearer("ada.s-token"),), timeout=30
            )
        assert answer.text == "Come in, ada."
        program.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(program.wait(), 30) == 0
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
