import asyncio
from types import SimpleNamespace

import pytest

from edge.lifecycle import Lifecycle
from edge.streams import EndingStreams
from edge.transcoding.fault import Fault
from tests.edge.asgi import scope_of


def watching(*, server_streaming):
    async def app(scope, receive, _send):
        scope["state"]["route"] = SimpleNamespace(server_streaming=server_streaming)
        scope["heard"] = await receive()

    return app


async def never():
    await asyncio.Event().wait()


async def test_a_stream_ends_when_the_edge_closes():
    lifecycle = Lifecycle()
    scope = scope_of()
    app = EndingStreams(watching(server_streaming=True), lifecycle=lifecycle)
    stream = asyncio.create_task(app(scope, never, None))
    lifecycle.drain()
    await asyncio.sleep(0)
    assert not stream.done(), "while it drains, everything is served"
    lifecycle.close()
    with pytest.raises(Fault) as refused:
        await stream
    assert refused.value.status == 503, "the client hears why there is no answer"
    assert scope["heard"] == {"type": "http.disconnect"}
    assert len(asyncio.all_tasks()) == 1


async def test_a_stream_that_flows_ends_whole():
    lifecycle = Lifecycle()
    lifecycle.close()

    async def flowing(scope, receive, send):
        scope["state"]["route"] = SimpleNamespace(server_streaming=True)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        assert (await receive())["type"] == "http.disconnect"

    sent = []

    async def send(message):
        sent.append(message)

    await EndingStreams(flowing, lifecycle=lifecycle)(scope_of(), never, send)
    assert sent[-1] == {"type": "http.response.body"}


async def test_a_stream_hears_its_client():
    async def receive():
        return {"type": "http.request", "body": b"x"}

    scope = scope_of()
    await EndingStreams(watching(server_streaming=True), lifecycle=Lifecycle())(
        scope, receive, None
    )
    assert scope["heard"]["body"] == b"x"


async def test_a_call_that_ends_by_itself_is_left_to():
    lifecycle = Lifecycle()
    lifecycle.close()

    async def receive():
        return {"type": "http.request", "body": b"x"}

    scope = scope_of()
    await EndingStreams(watching(server_streaming=False), lifecycle=lifecycle)(scope, receive, None)
    assert scope["heard"]["body"] == b"x"
