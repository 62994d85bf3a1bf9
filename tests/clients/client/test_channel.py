"""How calls find a server: balancing, health, retries, deadlines."""

import asyncio

import grpc
import pytest

from limen.audit.v1.audit_pb2 import WatchEventsRequest, WatchEventsResponse
from limen.auth.v1.auth_pb2 import RefreshTokensRequest
from limen.client import DeadlineExceeded, Unavailable, connect
from limen.users.v1.users_pb2 import CreateUserRequest, GetUserRequest, UpdateUserRequest

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
READY_TO_REFUSE = grpc.ChannelConnectivity.TRANSIENT_FAILURE


@pytest.mark.parametrize(
    ("method", "request_message"),
    [("GetUser", GetUserRequest(user_id="me")), ("UpdateUser", UpdateUserRequest())],
)
async def test_an_idempotent_call_is_retried_while_limen_is_away(
    backend, refuse, method, request_message
):
    backend.script(method, refuse(UNAVAILABLE, "UNAVAILABLE", times=2))
    async with connect(backend.address) as limen:
        await getattr(limen.users, method)(request_message)
    assert len(backend.calls) == 3


async def test_retries_come_to_an_end(backend, refuse):
    backend.script("GetUser", refuse(UNAVAILABLE, "UNAVAILABLE"))
    async with connect(backend.address) as limen:
        with pytest.raises(Unavailable):
            await limen.users.GetUser(GetUserRequest(user_id="me"))
    assert len(backend.calls) == 4


async def test_a_call_that_is_not_idempotent_is_never_repeated(backend, refuse):
    for method in ("CreateUser", "RefreshTokens"):
        backend.script(method, refuse(UNAVAILABLE, "UNAVAILABLE", times=1))
    async with connect(backend.address) as limen:
        with pytest.raises(Unavailable):
            await limen.users.CreateUser(CreateUserRequest())
        with pytest.raises(Unavailable):
            await limen.auth.RefreshTokens(RefreshTokensRequest(refresh_token="r"))
    assert [call.method for call in backend.calls] == ["CreateUser", "RefreshTokens"]


@pytest.mark.parametrize(
    "code", [code for code in grpc.StatusCode if code not in (UNAVAILABLE, grpc.StatusCode.OK)]
)
async def test_only_unavailable_is_retried(backend, refuse, code):
    backend.script("GetUser", refuse(code, times=1))
    async with connect(backend.address) as limen:
        with pytest.raises(Exception, match="refused"):
            await limen.users.GetUser(GetUserRequest(user_id="me"))
    assert len(backend.calls) == 1


async def test_retries_stop_when_everything_fails(backend, refuse):
    backend.script("GetUser", refuse(UNAVAILABLE, "UNAVAILABLE"))
    async with connect(backend.address) as limen:
        for _ in range(12):
            with pytest.raises(Unavailable):
                await limen.users.GetUser(GetUserRequest(user_id="me"))
        before = len(backend.calls)
        with pytest.raises(Unavailable):
            await limen.users.GetUser(GetUserRequest(user_id="me"))
    assert len(backend.calls) == before + 1


async def test_calls_are_spread_over_all_targets(start_backend):
    backends = [await start_backend() for _ in range(2)]
    async with connect([backend.address for backend in backends], wait_for_ready=True) as limen:
        # The first server may be ready before the second: until then it gets everything.
        async with asyncio.timeout(10):
            while not all(backend.calls for backend in backends):
                await limen.users.GetUser(GetUserRequest(user_id="me"))
        for backend in backends:
            backend.calls.clear()
        for _ in range(20):
            await limen.users.GetUser(GetUserRequest(user_id="me"))
    assert [len(backend.calls) for backend in backends] == [10, 10]


async def test_a_server_that_calls_itself_unhealthy_gets_no_calls(start_backend):
    sick, well = [await start_backend() for _ in range(2)]
    await sick.serving(False)
    async with connect(f"{sick.address},{well.address}") as limen:
        for _ in range(20):
            await limen.users.GetUser(GetUserRequest(user_id="me"))
    assert (len(sick.calls), len(well.calls)) == (0, 20)


async def test_a_server_that_falls_ill_is_left_and_found_again(start_backend):
    first, second = [await start_backend() for _ in range(2)]

    async def call_until(reached):
        async with asyncio.timeout(10):
            while not reached():
                for backend in (first, second):
                    backend.calls.clear()
                for _ in range(4):
                    await limen.users.GetUser(GetUserRequest(user_id="me"))

    async with connect([first.address, second.address], wait_for_ready=True) as limen:
        await call_until(lambda: first.calls and second.calls)
        await first.serving(False)
        await call_until(lambda: not first.calls and second.calls)
        for _ in range(20):
            await limen.users.GetUser(GetUserRequest(user_id="me"))
        assert not first.calls
        await first.serving(True)
        await call_until(lambda: first.calls and second.calls)


async def test_with_no_healthy_server_calls_fail_at_once(backend):
    await backend.serving(False)
    async with connect(backend.address) as limen:
        with pytest.raises(Unavailable):
            await limen.users.CreateUser(CreateUserRequest())
    assert not backend.calls


async def test_waiting_calls_go_through_when_the_server_gets_well(backend):
    await backend.serving(False)
    async with connect(backend.address, wait_for_ready=True, deadline=30) as limen:
        call = asyncio.ensure_future(limen.users.CreateUser(CreateUserRequest()))
        while (state := limen.channel.get_state()) is not READY_TO_REFUSE:
            await limen.channel.wait_for_state_change(state)
        await backend.serving(True)
        await call
    assert len(backend.calls) == 1


async def test_a_call_goes_to_the_server_that_is_left(start_backend, unused_address):
    backend = await start_backend()
    async with connect([unused_address, backend.address]) as limen:
        for _ in range(5):
            await limen.users.CreateUser(CreateUserRequest())
    assert len(backend.calls) == 5


async def test_a_call_without_a_deadline_gets_one(backend):
    async with connect(backend.address) as limen:
        await limen.users.GetUser(GetUserRequest(user_id="me"))
    assert 0 < backend.calls[0].time_remaining <= 5


async def test_the_callers_deadline_counts(backend):
    async with connect(backend.address, deadline=0.001) as limen:
        await limen.users.GetUser(GetUserRequest(user_id="me"), timeout=600)
    assert 5 < backend.calls[0].time_remaining <= 600


async def test_a_call_that_takes_too_long_is_given_up(backend):
    async def never(_request, _context):
        await asyncio.Event().wait()

    backend.script("CreateUser", never)
    async with connect(backend.address, deadline=0.05) as limen:
        with pytest.raises(DeadlineExceeded):
            await limen.users.CreateUser(CreateUserRequest())


async def test_a_stream_lasts_longer_than_a_call_may(backend):
    async def two(_request, context):
        yield WatchEventsResponse()
        assert context.time_remaining() is None
        yield WatchEventsResponse()

    backend.script("WatchEvents", two)
    async with connect(backend.address, deadline=0.001) as limen:
        answers = [answer async for answer in limen.audit.WatchEvents(WatchEventsRequest())]
    assert len(answers) == 2


async def test_a_stream_ends_when_it_is_cancelled(backend):
    left = asyncio.Queue()

    async def endless(_request, context):
        context.add_done_callback(lambda _: left.put_nowait(None))
        while True:
            yield WatchEventsResponse()
            await asyncio.sleep(0)

    backend.script("WatchEvents", endless)
    async with connect(backend.address) as limen:
        for read in (lambda call: anext(aiter(call)), lambda call: call.read()):
            call = limen.audit.WatchEvents(WatchEventsRequest())
            assert isinstance(await read(call), WatchEventsResponse)
            call.cancel()
            await asyncio.wait_for(left.get(), 10)
            assert await call.code() is grpc.StatusCode.CANCELLED


async def test_a_stream_can_be_cancelled_before_its_first_answer(backend):
    begun, ended = asyncio.Event(), asyncio.Event()

    async def silent(_request, context):
        context.add_done_callback(lambda _: ended.set())
        begun.set()
        await asyncio.Event().wait()
        yield WatchEventsResponse()

    backend.script("WatchEvents", silent)
    async with connect(backend.address) as limen:
        call = limen.audit.WatchEvents(WatchEventsRequest())
        await asyncio.wait_for(begun.wait(), 10)
        call.cancel()
        await asyncio.wait_for(ended.wait(), 10)
        with pytest.raises(asyncio.CancelledError):
            await call.read()


async def test_giving_up_a_call_cancels_it_at_the_server(backend):
    begun, ended = asyncio.Event(), asyncio.Event()

    async def wait(_request, context):
        context.add_done_callback(lambda _: ended.set())
        begun.set()
        await asyncio.Event().wait()

    backend.script("CreateUser", wait)
    async with connect(backend.address, deadline=600) as limen:
        call = asyncio.ensure_future(limen.users.CreateUser(CreateUserRequest()))
        await asyncio.wait_for(begun.wait(), 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(ended.wait(), 10)


async def test_a_unix_socket_is_an_address(start_backend, tmp_path):
    address = f"unix:{tmp_path}/s"
    backend = await start_backend(address)
    async with connect(address) as limen:
        await limen.users.GetUser(GetUserRequest(user_id="me"))
    assert len(backend.calls) == 1
