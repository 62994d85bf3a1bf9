"""A client that hangs up: nobody works for it any longer."""

import asyncio

import grpc
import pytest


class Leaver:
    """A client that sends a request and may hang up when it likes."""

    def __init__(self, transcoder, method: str, path: str, *messages) -> None:
        self.sent = []
        self._messages = [*messages]
        self._leave = asyncio.Event()
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")]
            if messages
            else [],
        }
        self.request = asyncio.ensure_future(transcoder(scope, self._receive, self._send))

    def leave(self) -> None:
        self._leave.set()

    async def _receive(self):
        if self._messages:
            return self._messages.pop(0)
        await self._leave.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message) -> None:
        self.sent.append(message)


@pytest.fixture
def patient(rig):
    """Makes the server work on an RPC until it is told that nobody waits any longer."""

    def patient(rpc: str, first=None):
        begun, given_up = asyncio.Event(), asyncio.Event()

        async def work():
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                given_up.set()
                raise

        async def unary(_request, _context):
            await work()

        async def stream(_request, _context):
            if first is not None:
                yield first
            await work()

        rig.core.on(rpc, unary if rpc == "Slow" else stream)
        return begun, given_up

    return patient


async def test_a_call_is_cancelled(rig, patient) -> None:
    begun, given_up = patient("Slow")
    client = Leaver(rig.transcoder, "GET", "/v1/slow")
    await begun.wait()
    client.leave()
    await given_up.wait()
    await client.request
    assert client.sent == []


@pytest.mark.parametrize("first", [False, True])
async def test_a_stream_is_cancelled(rig, patient, first) -> None:
    message = rig.core.new("library.v1.GetBookResponse") if first else None
    begun, given_up = patient("WatchBooks", message)
    client = Leaver(rig.transcoder, "GET", "/v1/books:watch")
    await begun.wait()
    client.leave()
    await given_up.wait()
    await client.request


async def test_a_client_that_leaves_before_its_body_is_there(rig) -> None:
    part = {"type": "http.request", "body": b"[", "more_body": True}
    client = Leaver(rig.transcoder, "PUT", "/v1/titles", part)
    client.leave()
    await client.request
    assert client.sent == []
    assert rig.core.calls == []


async def test_a_program_that_ends_takes_its_calls_along(rig, patient) -> None:
    for path, rpc in (("/v1/slow", "Slow"), ("/v1/books:watch", "WatchBooks")):
        begun, given_up = patient(rpc)
        client = Leaver(rig.transcoder, "GET", path)
        await begun.wait()
        client.request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await client.request
        await given_up.wait()


async def test_a_cancellation_by_the_server_is_an_error(rig) -> None:
    rig.core.fails("Slow", grpc.StatusCode.CANCELLED)
    client = Leaver(rig.transcoder, "GET", "/v1/slow")
    await client.request
    assert client.sent[0]["status"] == 499


async def test_nothing_is_left_running(rig, patient) -> None:
    begun, given_up = patient("WatchBooks")
    before = asyncio.all_tasks()
    client = Leaver(rig.transcoder, "GET", "/v1/books:watch")
    await begun.wait()
    client.leave()
    await client.request
    await given_up.wait()
    left = {task for task in asyncio.all_tasks() - before if "transcoding" in repr(task)}
    if left:
        await asyncio.wait(left)
    assert all(task.done() for task in left)
