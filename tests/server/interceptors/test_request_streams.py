"""RPCs whose callers send a stream, in a contract of the test's own."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import grpc
import pytest
from prometheus_client import CollectorRegistry

from limen.users.v1 import users_pb2
from server import errors
from server.app import SERVICES
from server.interceptors import policy
from server.interceptors.chain import Chain
from server.interceptors.deadline import Deadline
from server.interceptors.errors import Errors
from server.interceptors.observe import Observe
from server.interceptors.origin import Origins
from server.interceptors.redaction import Redaction
from server.interceptors.validate import Validate
from server.platform.logging import CallLog
from server.platform.reporting import make_reporter
from tests.eventually import soon
from tests.server.running_core import refused

COLLECT = "/test.Service/Collect"
LIKE = policy.read(SERVICES)["/limen.users.v1.UserService/CreateUser"]
RULE = replace(LIKE, path=COLLECT, client_streaming=True, server_streaming=False)
GOOD = users_pb2.CreateUserRequest(email="ada@example.com", display_name="Ada")
BAD = users_pb2.CreateUserRequest(email="ada@example.com", display_name="x" * 1000)


class Turnstile:
    """Counts who passes, and refuses from a given time on."""

    def __init__(self) -> None:
        self.passed: list[object] = []
        self.refuses_after = 1_000_000

    async def admit(self, _call, request) -> None:
        if len(self.passed) >= self.refuses_after:
            raise errors.CredentialInvalid
        self.passed.append(request)


class Collector:
    """A servicer that counts what it is sent."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.gate, self.lasting = Turnstile(), Turnstile()
        self.registry = CollectorRegistry()
        self.failure: Exception | None = None
        self.enough = False

    async def collect(self, requests, context) -> users_pb2.ListUsersResponse:
        context.set_trailing_metadata((("x-seen", "yes"),))
        async for request in requests:
            self.taken.append(request.email)
            if self.failure:
                raise self.failure
            if self.enough:
                break
        return users_pb2.ListUsersResponse(next_page_token=str(len(self.taken)))

    def chain(self) -> Chain:
        chain = Chain(
            rules={COLLECT: RULE},
            observe=Observe(
                origins=Origins(edge_secret=None),
                registry=self.registry,
                log=CallLog(process="core", level="ERROR"),
            ),
            failures=Errors(
                reporter=make_reporter(dsn=None, environment="test"),
                redaction=Redaction(),
                shows_traces=False,
            ),
            deadline=Deadline(longest=0.01),
            gates=(self.gate,),
            lasting=self.lasting,
            arriving=Validate(),
            between=Turnstile(),
        )
        handler = grpc.stream_unary_rpc_method_handler(
            self.collect,
            request_deserializer=users_pb2.CreateUserRequest.FromString,
            response_serializer=users_pb2.ListUsersResponse.SerializeToString,
        )
        chain.wrap({COLLECT: handler})
        return chain

    def ended(self, code: str) -> float | None:
        """How many calls have ended like this."""
        return self.registry.get_sample_value(
            "limen_rpc_seconds_count", {"rpc": COLLECT, "code": code}
        )


@pytest.fixture
async def collector():
    """A servicer, and `send` for calls to it."""
    collector = Collector()

    @asynccontextmanager
    async def served():
        server = grpc.aio.server(handlers=(collector.chain(),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            collector.rpc = channel.stream_unary(
                COLLECT, response_deserializer=users_pb2.ListUsersResponse.FromString
            )
            yield
        await server.stop(None)

    async with served():
        yield collector


def send(collector, *requests, pause=None, **options):
    async def parts():
        for request in requests:
            yield request if isinstance(request, bytes) else request.SerializeToString()
            if pause is not None:
                await pause.wait()

    return collector.rpc(parts(), **options)


async def test_every_request_arrives(collector):
    call = send(collector, *[GOOD] * 100, metadata=(("x-request-id", "request-of-a-test"),))

    assert (await call).next_page_token == "100"
    trailing = dict(await call.trailing_metadata())
    assert trailing == {"x-seen": "yes", "x-request-id": "request-of-a-test"}
    assert collector.ended("OK") == 1


async def test_limits_count_the_stream_and_not_its_requests(collector):
    await send(collector, GOOD, GOOD, GOOD)

    assert collector.gate.passed == [None]


async def test_a_stream_without_requests_is_a_call_too(collector):
    assert (await send(collector)).next_page_token == "0"
    assert collector.gate.passed == [None]


async def test_an_invalid_request_ends_the_stream_where_it_stands(collector):
    answer = await refused(send(collector, GOOD, BAD, GOOD))

    assert (answer.code, answer.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert answer.faults == {"display_name": "string.max_len"}
    assert collector.taken == [GOOD.email]
    assert collector.ended("INVALID_ARGUMENT") == 1


async def test_so_does_one_that_cannot_be_read(collector):
    answer = await refused(send(collector, GOOD, b"\xff", GOOD))

    assert answer.faults == {"": "message.unreadable"}
    assert collector.taken == [GOOD.email]


async def test_who_may_not_call_is_heard_no_further(collector):
    collector.gate.refuses_after = 0

    assert (await refused(send(collector, b"\xff"))).reason == "CREDENTIAL_INVALID"
    assert collector.taken == []


async def test_access_that_ends_ends_the_stream(collector):
    collector.lasting.refuses_after = 2
    answer = await refused(send(collector, GOOD, GOOD, GOOD))

    assert answer.reason == "CREDENTIAL_INVALID"
    assert len(collector.taken) == 2


async def test_the_unexpected_stays_hidden(collector):
    collector.failure = ValueError("a secret of the core")
    answer = await refused(send(collector, GOOD, GOOD))

    assert answer.reason == "INTERNAL"
    assert "secret" not in str(answer)


async def test_a_servicer_may_have_enough(collector):
    collector.enough = True

    assert (await send(collector, GOOD, GOOD, GOOD)).next_page_token == "1"


async def test_a_caller_that_leaves_ends_the_stream(collector):
    never = asyncio.Event()
    call = send(collector, GOOD, GOOD, pause=never)
    await soon(lambda: collector.taken)
    call.cancel()
    await soon(lambda: collector.ended("CANCELLED") == 1)


async def test_a_stream_may_last_longer_than_a_call(collector):
    on = asyncio.Event()
    # Several times the longest deadline of a unary call.
    asyncio.get_running_loop().call_later(0.05, on.set)

    assert (await send(collector, GOOD, GOOD, pause=on)).next_page_token == "2"
