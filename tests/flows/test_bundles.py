"""Edges and a core that speak in bundles: nothing is mixed up, and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import grpc
import pytest

from edge.bundling.channel import BundlingChannel
from edge.channel import MAX_MESSAGE, open_channel
from limen.users.v1 import users_pb2
from tests.edge.asgi import Log
from tests.eventually import soon
from tests.server.running_core import EDGE_SECRET, core_settings, running_core

GET_USER = "/limen.users.v1.UserService/GetUser"
ME = users_pb2.GetUserRequest(user_id="me").SerializeToString()
PROOF = (("limen-edge-secret", EDGE_SECRET),)


class House:
    """A core, and two edges as far as they call it."""

    def __init__(self, core, edges: list[BundlingChannel]) -> None:
        self.core = core
        self.edges = edges

    async def person(self):
        """The address of somebody new, and the metadata of their calls."""
        account = await self.core.user()
        signed_in = await self.core.sign_in(account.user.email)
        token = f"Bearer {signed_in.tokens.access_token}"
        return account.user.email, (("authorization", token), *PROOF)

    def who(self, edge: BundlingChannel, metadata):
        return edge.unary_unary(GET_USER)(ME, metadata=metadata, timeout=30.0)

    @property
    def in_flight(self) -> int:
        return 2000 - self.core.core._relay._places._free


@pytest.fixture
async def house(database_url, valkey_url) -> AsyncIterator[House]:
    settings = core_settings(database_url, valkey_url, shutdown_grace=20.0, log_level="ERROR")
    async with AsyncExitStack() as stack:
        core = await stack.enter_async_context(running_core(settings))
        edges = []
        for _ in range(2):
            channel = open_channel(f"ipv4:127.0.0.1:{core.core.port}")
            edge = BundlingChannel(channel, proof=PROOF, count=2, max_bytes=MAX_MESSAGE, log=Log())
            stack.push_async_callback(edge.close)
            edge.start()
            edges.append(edge)
        await soon(lambda: all(len(edge._streams._open) == 2 for edge in edges))
        yield House(core, edges)


async def test_two_edges_make_five_thousand_calls_and_give_many_up(house) -> None:
    people = [await house.person() for _ in range(5)]
    answered = 0

    async def one(number: int) -> None:
        nonlocal answered
        email, metadata = people[number % len(people)]
        call = house.who(house.edges[number % 2], metadata)
        if number % 3 == 0:
            await asyncio.sleep(0)
            call.cancel()
        try:
            answer = users_pb2.GetUserResponse.FromString(await call)
        except asyncio.CancelledError:
            assert number % 3 == 0
            return
        assert answer.user.email == email
        answered += 1

    for start in range(0, 5000, 500):
        await asyncio.gather(*(one(number) for number in range(start, start + 500)))

    assert answered >= 5000 * 2 // 3
    await soon(lambda: house.in_flight == 0)
    assert all(stream.load == 0 for edge in house.edges for stream in edge._streams._open)


async def test_a_core_that_stops_under_load_drops_nothing(house) -> None:
    _, metadata = await house.person()
    get, may_end = house.core.domain.users.get, asyncio.Event()

    async def slow(user_id):
        await may_end.wait()
        return await get(user_id)

    house.core.domain.users.get = slow
    calls = [
        asyncio.ensure_future(house.who(house.edges[number % 2], metadata)) for number in range(200)
    ]
    await soon(lambda: house.in_flight == 200)
    stopping = asyncio.create_task(house.core.core.stop())
    await soon(lambda: not any(edge._streams._open for edge in house.edges))
    may_end.set()
    answers = await asyncio.gather(*calls)
    await asyncio.wait_for(stopping, 20)

    assert len(set(answers)) == 1
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await house.who(house.edges[0], metadata)
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_stream_broken_in_mid_call_fails_its_own_calls(house) -> None:
    _, metadata = await house.person()
    house.core.domain.users.get = _forever
    one, other = house.edges
    lost = [asyncio.ensure_future(house.who(one, metadata)) for _ in range(10)]
    kept = [asyncio.ensure_future(house.who(other, metadata)) for _ in range(10)]
    await soon(lambda: house.in_flight == 20)
    await one.close()

    for call in lost:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call
        assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
    await soon(lambda: house.in_flight == 10)
    assert not any(call.done() for call in kept)
    for call in kept:
        call.cancel()
    await soon(lambda: house.in_flight == 0)


async def _forever(_user_id: object) -> None:
    await asyncio.Event().wait()
