"""Streams of responses."""

import asyncio
import json

import grpc
import pytest

from edge.transcoding.streaming import BrokenStreamError

EVENTS = {"accept": "text/event-stream"}


@pytest.fixture
def books(rig):
    """Makes the server stream books with these titles, and then fail if it is told to."""

    def books(*titles: str, then: grpc.StatusCode | None = None) -> None:
        async def behavior(_request, context):
            await context.send_initial_metadata((("x-seen", "early"),))
            for title in titles:
                book = rig.core.new("library.v1.Book", title=title)
                yield rig.core.new("library.v1.GetBookResponse", book=book)
            if then is not None:
                await context.abort(then, "for a reason")

        rig.core.on("WatchBooks", behavior)

    return books


async def test_one_message_a_line(rig, books) -> None:
    books("Emma", "line\nbreak \u2028")
    response = await rig.http.get("/v1/books:watch?count=2")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-seen"] == "early"
    assert "content-length" not in response.headers
    lines = response.content.split(b"\n")
    assert [json.loads(line)["title"] for line in lines[:-1]] == ["Emma", "line\nbreak \u2028"]
    assert lines[-1] == b""
    assert rig.core.request.count == 2


async def test_one_message_an_event(rig, books) -> None:
    books("Emma", "two\nlines")
    response = await rig.http.get("/v1/books:watch", headers=EVENTS)
    assert response.headers["content-type"] == "text/event-stream"
    first, second, end = response.text.split("\n\n")
    assert first.startswith('data: {"bookId":"","title":"Emma"')
    assert "two\\nlines" in second
    assert "\n" not in second
    assert end == ""


async def test_neither_is_wanted(rig, books) -> None:
    books("Emma")
    response = await rig.http.get("/v1/books:watch", headers={"accept": "image/png"})
    assert response.status_code == 406
    assert rig.core.calls == []


@pytest.mark.parametrize("headers", [{}, EVENTS])
async def test_nothing_at_all(rig, books, headers) -> None:
    books()
    response = await rig.http.get("/v1/books:watch", headers=headers)
    assert response.status_code == 200
    assert response.content == b""


@pytest.mark.parametrize("headers", [{}, EVENTS])
async def test_an_error_before_the_first_message_is_a_status(rig, books, headers) -> None:
    books(then=grpc.StatusCode.PERMISSION_DENIED)
    response = await rig.http.get("/v1/books:watch", headers=headers)
    assert response.status_code == 403
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["reason"] == "for a reason"


async def test_an_error_later_is_the_last_line(rig, books) -> None:
    books("Emma", then=grpc.StatusCode.UNAVAILABLE)
    response = await rig.http.get("/v1/books:watch")
    assert response.status_code == 200
    first, last = response.text.splitlines()
    assert json.loads(first)["title"] == "Emma"
    assert json.loads(last) == {"error": {"reason": "for a reason", "code": "UNAVAILABLE"}}


async def test_an_error_later_is_the_last_event(rig, books) -> None:
    books("Emma", then=grpc.StatusCode.UNAVAILABLE)
    response = await rig.http.get("/v1/books:watch", headers=EVENTS)
    _, last, end = response.text.split("\n\n")
    name, data = last.split("\n")
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: "))["code"] == "UNAVAILABLE"
    assert end == ""


async def test_a_message_that_cannot_be_read_ends_the_stream(rig) -> None:
    async def behavior(_request, _context):
        yield rig.core.new("library.v1.GetBookResponse")
        yield b"\xff\xff"

    rig.core.on("WatchBooks", behavior)
    response = await rig.http.get("/v1/books:watch")
    last = response.text.splitlines()[-1]
    assert json.loads(last)["error"]["reason"] == "INTERNAL"


async def test_a_wrong_request_is_refused_as_ever(rig, faults) -> None:
    assert faults(await rig.http.get("/v1/books:watch?count=x")) == [("count", "query.type")]


async def test_many_messages(rig, books) -> None:
    titles = [str(n) for n in range(2_000)]
    books(*titles)
    response = await rig.http.get("/v1/books:watch")
    assert [json.loads(line)["title"] for line in response.text.splitlines()] == titles


async def test_head(rig, books) -> None:
    books("Emma")
    response = await rig.http.head("/v1/books:watch")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.content == b""


async def test_the_cache_is_the_frontiers_if_it_wants(rig, books) -> None:
    books("Emma")
    rig.frontier.answer_headers = lambda *_: [(b"cache-control", b"private")]
    response = await rig.http.get("/v1/books:watch")
    assert response.headers.get_list("cache-control") == ["private"]


# Raw streams.


async def test_bytes_as_they_come(rig) -> None:
    async def behavior(_request, _context):
        yield rig.core.new("google.api.HttpBody", content_type="text/csv", data=b"a,b\n")
        yield rig.core.new("google.api.HttpBody", data=b"")
        yield rig.core.new("google.api.HttpBody", data=b"1,2\n")

    rig.core.on("DownloadBooks", behavior)
    response = await rig.http.get("/v1/books:download", headers={"accept": "text/csv"})
    assert response.headers["content-type"] == "text/csv"
    assert response.content == b"a,b\n1,2\n"


async def test_no_bytes(rig) -> None:
    async def behavior(_request, _context):
        return
        yield

    rig.core.on("DownloadBooks", behavior)
    response = await rig.http.get("/v1/books:download")
    assert response.status_code == 200
    assert response.content == b""


async def test_an_error_before_the_first_byte_is_a_status(rig) -> None:
    async def behavior(_request, context):
        await context.abort(grpc.StatusCode.NOT_FOUND, "gone")
        yield

    rig.core.on("DownloadBooks", behavior)
    assert (await rig.http.get("/v1/books:download")).status_code == 404


async def test_an_error_among_bytes_breaks_the_answer_off(rig, raw) -> None:
    async def behavior(_request, context):
        yield rig.core.new("google.api.HttpBody", data=b"half")
        await context.abort(grpc.StatusCode.INTERNAL, "oops")

    rig.core.on("DownloadBooks", behavior)
    with pytest.raises(BrokenStreamError):
        await raw.ask(raw.scope("GET", b"/v1/books:download"))
    assert [message.get("more_body") for message in raw.sent] == [None, True]


# Silence.


@pytest.fixture
async def restless(make_rig, library):
    """A rig with a short time between signs of life."""
    options = {"heartbeat": 0.01, "silent_start": 0.01}
    async with make_rig(library, "library.v1.Library", **options) as rig:
        yield rig


@pytest.mark.parametrize(
    ("accept", "sign"), [("text/event-stream", ":\n\n"), ("application/x-ndjson", "")]
)
async def test_silence_is_filled_where_it_can_be(restless, accept, sign) -> None:
    beats = asyncio.Event()

    async def behavior(_request, _context):
        yield restless.core.new("library.v1.GetBookResponse")
        await beats.wait()

    restless.core.on("WatchBooks", behavior)
    exchange = Listener(restless.transcoder, "/v1/books:watch", accept)
    await exchange.until(lambda: exchange.text.count("\n") >= 1)
    if sign:
        await exchange.until(lambda: exchange.text.count(sign) >= 3)
        assert exchange.text.replace(sign, "").count("data:") == 1
    beats.set()
    await exchange.end()
    assert exchange.text.count("title") == 1


async def test_a_server_that_says_nothing_is_taken_to_have_agreed(restless) -> None:
    speak = asyncio.Event()

    async def behavior(_request, context):
        await speak.wait()
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "late")
        yield

    restless.core.on("WatchBooks", behavior)
    exchange = Listener(restless.transcoder, "/v1/books:watch", "text/event-stream")
    await exchange.until(lambda: ":\n\n" in exchange.text)
    assert exchange.status == 200
    speak.set()
    await exchange.end()
    assert "event: error" in exchange.text


class Listener:
    """A client that listens to a stream for as long as it likes."""

    def __init__(self, transcoder, path: str, accept: str) -> None:
        self.status = 0
        self.text = ""
        self._changed = asyncio.Event()
        self._hung_up = asyncio.Event()
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "headers": [(b"accept", accept.encode())],
        }
        self._task = asyncio.ensure_future(transcoder(scope, self._receive, self._send))

    async def _receive(self):
        await self._hung_up.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message) -> None:
        self.status = message.get("status", self.status)
        self.text += message.get("body", b"").decode()
        self._changed.set()

    async def until(self, condition) -> None:
        while not condition():
            self._changed.clear()
            changed = asyncio.ensure_future(self._changed.wait())
            await asyncio.wait({changed, self._task}, return_when=asyncio.FIRST_COMPLETED)
            if not changed.done():
                changed.cancel()
                await self._task
                raise AssertionError("the stream has ended")

    async def end(self) -> None:
        await self._task
