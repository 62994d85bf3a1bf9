"""Bundles under everything that can go wrong with them."""

import asyncio

import grpc
import pytest

from limen.users.v1 import users_pb2
from tests.eventually import soon
from tests.server.interceptors.relayed import bundles
from tests.server.running_core import core_settings, refused, running_core

ME = users_pb2.GetUserRequest(user_id="me")


class Slow:
    """Stands in for the look-up of an account, and never finds one by itself."""

    def __init__(self) -> None:
        self.running = 0
        self.begun = 0
        self.may_end = asyncio.Event()

    async def get(self, *_: object) -> object:
        self.begun += 1
        self.running += 1
        try:
            await self.may_end.wait()
            raise LookupError("a secret of the core")
        finally:
            self.running -= 1


@pytest.fixture
async def slow_core(database_url, valkey_url):
    """A core with room for ten calls, whose GetUser lasts until it is told to fail."""
    settings = core_settings(
        database_url, valkey_url, max_concurrent_calls=10, max_request_bytes=16 * 1024
    )
    async with running_core(settings) as core:
        core.slow = Slow()
        core.metadata = await core.bearer()
        core.domain.users.get = core.slow.get
        yield core


def places(core) -> int:
    """How many calls could begin."""
    return core.core._relay._places._free


async def test_cancelling_a_call_stops_it_and_no_other(slow_core):
    async with bundles(slow_core) as stream:
        calls = [stream.call("GetUser", ME, slow_core.metadata) for _ in range(3)]
        await stream.send(*calls)
        await soon(lambda: slow_core.slow.running == 3)

        await stream.send(cancelled=[calls[1].id])
        await soon(lambda: slow_core.slow.running == 2)
        slow_core.slow.may_end.set()

        for call in (calls[0], calls[2]):
            assert (await stream.answer(call)).refusal.reason == "INTERNAL"
        await stream.ask("Nothing", b"")
        assert not stream.is_answered(calls[1])
    assert places(slow_core) == 10


async def test_a_call_that_is_cancelled_at_once_never_begins(slow_core):
    async with bundles(slow_core) as stream:
        call = stream.call("GetUser", ME, slow_core.metadata)
        await stream.send(call, cancelled=[call.id])
        await stream.ask("Nothing", b"")

        assert slow_core.slow.begun == 0
        assert places(slow_core) == 10


async def test_an_id_is_free_again_after_its_call(slow_core):
    slow_core.slow.may_end.set()
    async with bundles(slow_core) as stream:
        first = await stream.ask("GetUser", ME, slow_core.metadata, id=7)
        stream._answers.clear()
        second = await stream.ask("Nothing", b"", id=7)

    assert (first.refusal.reason, second.refusal.reason) == ("INTERNAL", "UNIMPLEMENTED")


async def test_an_id_that_is_in_use_ends_the_stream(slow_core):
    async with bundles(slow_core) as stream:
        await stream.send(
            stream.call("GetUser", ME, slow_core.metadata, id=7),
            stream.call("GetUser", ME, slow_core.metadata, id=7),
        )
        answer = await refused(stream.ended)

        assert (answer.code, answer.reason) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "INVALID_REQUEST",
        )
        assert answer.faults == {"calls.id": "relay.id_in_use"}
    await soon(lambda: slow_core.slow.running == 0)
    assert places(slow_core) == 10


async def test_a_bundle_that_is_none_ends_the_stream(slow_core):
    rpc = slow_core.channel.stream_stream("/limen.relay.v1.RelayService/Relay")(
        metadata=(("limen-edge-secret", slow_core.core._settings.edge_secret.get_secret_value()),)
    )
    await rpc.read()
    await rpc.write(b"\xff")

    async def rest():
        return await rpc.read()

    assert (await refused(rest())).reason == "INVALID_REQUEST"


@pytest.mark.parametrize("ending", ["cancelled", "connection lost"])
async def test_the_end_of_a_stream_is_the_end_of_its_calls(slow_core, ending):
    async with bundles(slow_core) as stream:
        await stream.send(*(stream.call("GetUser", ME, slow_core.metadata) for _ in range(5)))
        await soon(lambda: slow_core.slow.running == 5)
        if ending == "cancelled":
            stream.rpc.cancel()
        else:
            await slow_core.channel.close()
        await soon(lambda: slow_core.slow.running == 0)
    await soon(lambda: places(slow_core) == 10)


async def test_what_nobody_foresaw_stays_in_the_core(slow_core):
    slow_core.slow.may_end.set()
    async with bundles(slow_core) as stream:
        answer = await stream.ask("GetUser", ME, slow_core.metadata)

    assert answer.refusal.reason == "INTERNAL"
    assert answer.refusal.request_id
    assert b"secret" not in str(answer).encode()


async def test_a_call_that_cancels_itself_is_answered(slow_core):
    async def gives_up(*_):
        raise asyncio.CancelledError

    slow_core.domain.users.get = gives_up
    async with bundles(slow_core) as stream:
        answer = await stream.ask("GetUser", ME, slow_core.metadata)

    assert answer.code == grpc.StatusCode.CANCELLED.value[0]


async def test_its_deadline_ends_a_call(slow_core):
    async with bundles(slow_core) as stream:
        answer = await stream.ask("GetUser", ME, slow_core.metadata, timeout_ms=50)

    assert answer.refusal.reason == "DEADLINE_EXCEEDED"
    assert slow_core.slow.running == 0


async def test_the_core_has_a_deadline_of_its_own(database_url, valkey_url):
    async with running_core(core_settings(database_url, valkey_url, max_deadline=0.2)) as core:
        metadata = await core.bearer()
        core.domain.users.get = Slow().get
        async with bundles(core) as stream:
            answer = await stream.ask("GetUser", ME, metadata, timeout_ms=60_000)

    assert answer.refusal.reason == "DEADLINE_EXCEEDED"


async def test_too_many_calls_are_refused_on_all_streams_together(slow_core):
    async with bundles(slow_core) as one, bundles(slow_core) as other:
        await one.send(*(one.call("GetUser", ME, slow_core.metadata) for _ in range(8)))
        await soon(lambda: slow_core.slow.running == 8)
        calls = [other.call("GetUser", ME, slow_core.metadata) for _ in range(5)]
        await other.send(*calls)
        refusals = [(await other.answer(call)).refusal for call in calls[2:]]

        assert {refusal.reason for refusal in refusals} == {"OVERLOADED"}
        assert {refusal.code for refusal in refusals} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert all(refusal.retry_seconds for refusal in refusals)
        assert slow_core.slow.running == 10
        slow_core.slow.may_end.set()
        for call in calls[:2]:
            assert (await other.answer(call)).refusal.reason == "INTERNAL"


async def test_a_bundle_beyond_the_limit_ends_the_stream(slow_core):
    async with bundles(slow_core) as stream:
        await stream.send(stream.call("GetUser", b"\x0a" * 20_000))
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await stream.ended

    assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_an_answer_beyond_the_limit_is_refused_alone(database_url, valkey_url):
    async with running_core(core_settings(database_url, valkey_url)) as core:
        metadata = await core.bearer()
        async with bundles(core, max_bytes=120) as stream:
            large = await stream.ask("GetUser", ME, metadata)
            small = await stream.ask("/limen.auth.v1.AuthService/SignOut", b"", metadata)

    assert large.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    assert large.response == b""
    assert small.code == 0


async def test_five_thousand_calls_of_which_many_are_given_up(database_url, valkey_url):
    async with running_core(core_settings(database_url, valkey_url)) as core:
        metadata = await core.bearer()
        async with bundles(core) as stream:
            for _ in range(100):
                calls = [stream.call("GetUser", ME, metadata) for _ in range(50)]
                await stream.send(*calls, cancelled=[call.id for call in calls[::3]])
                await stream.send(cancelled=[call.id for call in calls[::5]])
                for number, call in enumerate(calls):
                    if number % 3 and number % 5:
                        assert (await stream.answer(call)).code == 0

        await soon(lambda: places(core) == 2000)


async def test_a_core_that_stops_answers_what_is_in_flight(database_url, valkey_url):
    settings = core_settings(database_url, valkey_url, shutdown_grace=20.0)
    async with running_core(settings) as core:
        metadata = await core.bearer()
        slow = Slow()
        core.domain.users.get = slow.get
        async with bundles(core) as stream, bundles(core) as idle:
            await idle.ask("Nothing", b"")
            calls = [stream.call("GetUser", ME, metadata) for _ in range(20)]
            await stream.send(*calls)
            await soon(lambda: slow.running == 20)

            stopping = asyncio.create_task(core.core.stop())
            for each in (stream, idle):
                await asyncio.wait_for(each.closing.wait(), 20)
                await each.rpc.done_writing()
            await asyncio.wait_for(idle.ended, 20)
            slow.may_end.set()
            await asyncio.wait_for(stream.ended, 20)
            await asyncio.wait_for(stopping, 20)

            assert [(await stream.answer(call)).refusal.reason for call in calls] == (
                ["INTERNAL"] * 20
            )


async def test_a_stream_that_stays_open_does_not_hold_the_core_up(slow_core):
    async with bundles(slow_core) as stream:
        await stream.send(stream.call("GetUser", ME, slow_core.metadata))
        await soon(lambda: slow_core.slow.running == 1)
        await asyncio.wait_for(slow_core.core.stop(), 20)

        assert slow_core.slow.running == 0
