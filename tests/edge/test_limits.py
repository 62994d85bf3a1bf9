"""Bounds: on the requests in flight, and on the time a body takes."""

import asyncio

import pytest

from edge.admission import Admission
from edge.body_deadline import BodyDeadline
from edge.transcoding.fault import Fault
from tests.edge.asgi import answering, ask, scope_of

POSTED = (b"content-length", b"3")


async def test_a_full_edge_refuses_at_once_and_recovers():
    gate, entered = asyncio.Event(), asyncio.Semaphore(0)

    async def waiting(scope, receive, send):
        entered.release()
        await gate.wait()
        await answering()(scope, receive, send)

    app = Admission(waiting, limit=2)
    busy = [asyncio.create_task(ask(app, scope_of())) for _ in range(2)]
    await entered.acquire()
    await entered.acquire()
    with pytest.raises(Fault) as refused:
        await ask(app, scope_of())
    assert (refused.value.status, refused.value.reason) == (503, "OVERLOADED")
    assert (b"retry-after", b"1") in refused.value.headers
    gate.set()
    assert [reply.status for reply in await asyncio.gather(*busy)] == [200, 200]
    assert (await ask(app, scope_of())).status == 200


async def test_a_full_edge_still_says_that_it_lives():
    app = Admission(answering(), limit=0)
    assert (await ask(app, scope_of("/healthz"))).status == 200
    with pytest.raises(Fault):
        await ask(app, scope_of("/readyz"))


async def test_a_request_that_fails_gives_its_place_back():
    async def failing(_scope, _receive, _send):
        raise ValueError

    app = Admission(failing, limit=1)
    for _ in range(3):
        with pytest.raises(ValueError):  # noqa: PT011 - any will do, it is ours
            await ask(app, scope_of())


async def test_a_stream_that_flows_gives_its_place_back():
    flowing, gate = asyncio.Event(), asyncio.Event()

    async def streaming(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        flowing.set()
        await gate.wait()
        await send({"type": "http.response.body", "body": b"y", "more_body": True})
        await send({"type": "http.response.body"})

    app = Admission(streaming, limit=1)
    first = asyncio.create_task(ask(app, scope_of()))
    await flowing.wait()
    gate.set()
    assert (await ask(app, scope_of())).body == b"xy"
    assert (await first).body == b"xy"
    full = Admission(answering(), limit=0)
    with pytest.raises(Fault):
        await ask(full, scope_of())


async def read_all(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await answering()(scope, receive, send)


async def never():
    await asyncio.Event().wait()


async def test_a_body_that_does_not_come_is_given_up():
    app = BodyDeadline(read_all, seconds=0.01)
    with pytest.raises(Fault) as refused:
        await app(scope_of("/", POSTED, method="POST"), never, None)
    assert (refused.value.status, refused.value.reason) == (408, "REQUEST_TIMEOUT")
    assert (b"connection", b"close") in refused.value.headers


async def test_dripping_does_not_buy_time():
    async def drip():
        await asyncio.sleep(0.005)
        return {"type": "http.request", "body": b"x", "more_body": True}

    app = BodyDeadline(read_all, seconds=0.02)
    with pytest.raises(Fault):
        await app(scope_of("/", (b"transfer-encoding", b"chunked"), method="POST"), drip, None)


async def test_a_body_in_time_arrives_whole():
    app = BodyDeadline(read_all, seconds=10)
    reply = await ask(app, scope_of("/", POSTED, method="POST"), b"a", b"b", b"c")
    assert reply.status == 200


async def test_the_clock_stops_when_the_body_is_there():
    gone = asyncio.Event()

    async def app(_scope, receive, _send):
        assert (await receive())["body"] == b"abc"
        waiting = asyncio.create_task(receive())
        await asyncio.sleep(0.02)
        assert not waiting.done(), "to wait for the client to leave is not to wait for a body"
        gone.set()
        assert (await waiting)["type"] == "http.disconnect"

    messages = iter([{"type": "http.request", "body": b"abc"}])

    async def receive():
        message = next(messages, None)
        if message is None:
            await gone.wait()
            return {"type": "http.disconnect"}
        return message

    await BodyDeadline(app, seconds=0.01)(scope_of("/", POSTED, method="POST"), receive, None)
