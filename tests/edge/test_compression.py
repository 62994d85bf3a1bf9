import gzip

import pytest

from edge.compression import Compression, accepts_gzip
from tests.edge.asgi import answering, ask, scope_of

GZIP = (b"accept-encoding", b"gzip, br")
COOKIE = (b"cookie", b"__Host-limen_session=credential")
BEARER = (b"authorization", b"Bearer x")
JSON = (b"content-type", b"application/json")
LONG = b'{"a":"' + b"b" * 4000 + b'"}'


async def fetch(*headers, app=None, path="/v1/users", method="GET"):
    app = app or answering(LONG, headers=[JSON, (b"content-length", str(len(LONG)).encode())])
    return await ask(Compression(app), scope_of(path, *headers, method=method))


async def test_a_large_answer_is_compressed():
    reply = await fetch(GZIP, BEARER)
    assert reply[b"content-encoding"] == b"gzip"
    assert reply[b"content-length"] == str(len(reply.body)).encode()
    assert reply[b"vary"] == b"accept-encoding"
    assert len(reply.body) < 200
    assert gzip.decompress(reply.body) == LONG


async def test_a_very_large_answer_is_compressed_beside_the_loop():
    body = LONG * 100
    reply = await fetch(GZIP, app=answering(body, headers=[JSON]))
    assert gzip.decompress(reply.body) == body


@pytest.mark.parametrize(
    "asked", [(), ((b"accept-encoding", b"br"),), ((b"accept-encoding", b"gzip;q=0"),)]
)
async def test_only_who_asks_gets_it_compressed(asked):
    reply = await fetch(*asked)
    assert reply.body == LONG
    assert reply[b"vary"] == b"accept-encoding"
    assert reply.all(b"content-encoding") == []


async def test_an_answer_to_a_cookie_keeps_its_length_to_itself():
    reply = await fetch(GZIP, COOKIE)
    assert reply.body == LONG
    assert reply.all(b"vary") == []


async def test_an_answer_that_hands_out_secrets_is_left_alone():
    assert (await fetch(GZIP, BEARER, method="POST")).body == LONG


async def test_pages_hold_no_secrets():
    assert (await fetch(GZIP, COOKIE, path="/sign-in"))[b"content-encoding"] == b"gzip"


@pytest.mark.parametrize(
    "app",
    [
        answering(LONG, LONG, headers=[(b"content-type", b"application/x-ndjson")]),
        answering(LONG, LONG, headers=[JSON]),
        answering(b"x" * 1024, headers=[JSON]),
        answering(LONG, headers=[(b"content-type", b"image/png")]),
        answering(LONG, headers=[]),
        answering(LONG, headers=[JSON, (b"content-encoding", b"br")]),
        answering(LONG, headers=[JSON], status=500),
    ],
    ids=["stream", "parts", "small", "picture", "untyped", "compressed", "error"],
)
async def test_all_else_goes_out_as_it_came(app):
    plain = await ask(app, scope_of())
    reply = await fetch(GZIP, app=app)
    assert reply.parts == plain.parts
    assert [each for each in reply.headers if each[0] != b"vary"] == plain.headers


@pytest.mark.parametrize("media_type", [b"text/event-stream", b"application/x-ndjson"])
async def test_the_head_of_a_stream_waits_for_nothing(media_type):
    sent = []

    async def app(_scope, _receive, send):
        headers = [(b"content-type", media_type)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        assert [each["type"] for each in sent] == ["http.response.start"]

    async def send(message):
        sent.append(message)

    await Compression(app)(scope_of("/v1/audit/events:watch", GZIP), None, send)
    assert len(sent) == 1


async def test_the_tag_of_other_bytes_is_weak():
    app = answering(LONG, headers=[JSON, (b"etag", b'"abc"')])
    assert (await fetch(GZIP, app=app))[b"etag"] == b'W/"abc"'
    weak = answering(LONG, headers=[JSON, (b"etag", b'W/"abc"')])
    assert (await fetch(GZIP, app=weak))[b"etag"] == b'W/"abc"'
    assert (await fetch(app=app))[b"etag"] == b'"abc"'


async def test_not_modified_varies_like_the_answer_it_stands_for():
    reply = await fetch(GZIP, app=answering(b"", status=304, headers=[]))
    assert (reply.status, reply.body) == (304, b"")
    assert reply[b"vary"] == b"accept-encoding"


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (b"gzip", True),
        (b"GZIP", True),
        (b"br, gzip;q=0.5", True),
        (b"*", True),
        (b"*;q=0.1", True),
        (b"", False),
        (b"identity", False),
        (b"gzip;q=0", False),
        (b"gzip; q=0.000", False),
        (b"*, gzip;q=0", False),
        (b"gzipped", False),
        (b";;,,q=", False),
    ],
)
def test_what_a_header_accepts(header, accepted):
    assert accepts_gzip(header) is accepted
