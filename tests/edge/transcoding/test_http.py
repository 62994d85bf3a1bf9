"""Methods, media types, sizes, headers and errors."""

import asyncio

import grpc
import pytest

from edge.transcoding.fault import Fault

JSON = {"content-type": "application/json"}


async def test_a_call_and_its_answer(rig) -> None:
    book = rig.core.new("library.v1.Book", book_id="7", title="Emma", genre=1)
    rig.core.answers("GetBook", rig.core.new("library.v1.GetBookResponse", book=book))
    response = await rig.http.get("/v1/books/7")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["content-length"] == str(len(response.content))
    assert response.json()["title"] == "Emma"
    (call,) = rig.core.calls
    assert call.metadata["x-from"] == "edge"
    assert 0 < call.seconds_left <= 5


async def test_without_a_timeout_there_is_none(rig) -> None:
    rig.frontier.seconds = None
    await rig.http.get("/v1/books/7")
    assert rig.core.calls[0].seconds_left is None


async def test_metadata_becomes_headers(rig) -> None:
    async def behavior(_request, context):
        await context.send_initial_metadata((("x-seen", "first"), ("x-raw-bin", b"\x00\xff")))
        context.set_trailing_metadata((("x-seen", "last"),))
        return rig.core.new("library.v1.GetBookResponse")

    rig.core.on("GetBook", behavior)
    response = await rig.http.get("/v1/books/7")
    assert response.headers.get_list("x-seen") == ["first", "last"]
    assert ("x-raw-bin", b"\x00\xff") in rig.frontier.received


async def test_the_route_is_known_to_all(rig) -> None:
    await rig.http.get("/v1/books/7")
    await rig.http.post("/v1/books/7:lend", json={})
    assert [route.template for route in rig.frontier.routes] == [
        "/v1/books/{book_id}",
        "/v1/books/{book_id}:lend",
    ]


async def test_the_frontier_can_refuse(rig) -> None:
    rig.frontier.refusal = Fault(403, grpc.StatusCode.PERMISSION_DENIED, "CSRF_REJECTED")
    response = await rig.http.post("/v1/books/7:lend", content=b"not even JSON")
    assert response.status_code == 403
    assert response.json()["reason"] == "CSRF_REJECTED"
    assert rig.core.calls == []


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (grpc.StatusCode.NOT_FOUND, 404),
        (grpc.StatusCode.UNAUTHENTICATED, 401),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 429),
        (grpc.StatusCode.CANCELLED, 499),
        (grpc.StatusCode.INTERNAL, 500),
    ],
)
async def test_the_server_can_refuse(rig, code, status) -> None:
    rig.core.fails("GetBook", code, "for a reason")
    response = await rig.http.get("/v1/books/7")
    assert response.status_code == status
    assert response.json() == {"reason": "for a reason", "code": code.name}
    assert response.headers["content-length"] == str(len(response.content))


async def test_the_server_may_be_late(rig) -> None:
    rig.frontier.seconds = 0.05
    rig.core.on("GetBook", never)
    response = await rig.http.get("/v1/books/7")
    assert response.status_code == 504


async def never(_request, _context):
    await asyncio.Event().wait()


async def test_the_server_may_be_gone(rig) -> None:
    await rig.channel.close()
    response = await rig.http.get("/v1/books/7")
    assert response.status_code == 503
    assert response.json()["reason"] == "UNAVAILABLE"
    response = await rig.http.get("/v1/books:watch")
    assert response.status_code == 503


async def test_the_server_may_speak_another_contract(rig) -> None:
    rig.core.answers("GetBook", b"\xff\xff")
    response = await rig.http.get("/v1/books/7")
    assert response.status_code == 500
    assert response.json()["reason"] == "INTERNAL"


async def test_the_server_may_answer_what_json_cannot_say(rig) -> None:
    wrong = rig.core.new("google.protobuf.Timestamp", seconds=2**60)
    book = rig.core.new("library.v1.Book", create_time=wrong)
    rig.core.answers("GetBook", rig.core.new("library.v1.GetBookResponse", book=book))
    response = await rig.http.get("/v1/books/7")
    assert response.status_code == 500
    assert response.json()["reason"] == "INTERNAL"


# Methods.


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/v1/books/7", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("GET", "/v1/books/7:lend", "OPTIONS, POST"),
        ("HEAD", "/v1/books/7:lend", "OPTIONS, POST"),
        ("DELETE", "/v1/books:count", "GET, HEAD, OPTIONS"),
        ("GET", "/v1/cache", "OPTIONS, PURGE"),
        ("BREW", "/v1/titles", "GET, HEAD, OPTIONS, PUT"),
        ("get", "/v1/titles", "GET, HEAD, OPTIONS, PUT"),
    ],
)
async def test_another_method(raw, method, path, allow) -> None:
    response = await raw.ask(raw.scope(method, path.encode()))
    assert response.status_code == 405
    assert response.headers["allow"] == allow
    if method != "HEAD":
        assert response.json()["reason"] == "METHOD_NOT_ALLOWED"


async def test_which_methods_there_are(rig) -> None:
    response = await rig.http.options("/v1/books/7")
    assert response.status_code == 204
    assert response.content == b""
    assert response.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"
    assert "content-length" not in response.headers


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("path", ["/", "/v1", "/v1/books/", "/v2/books", "/v1/books/7/", "//"])
async def test_where_nothing_is(rig, method, path) -> None:
    response = await rig.http.request(method, path)
    assert response.status_code == 404
    if method != "HEAD":
        assert response.json()["reason"] == "ROUTE_NOT_FOUND"


async def test_head_is_get_without_the_content(rig) -> None:
    rig.core.answers("CountBooks", rig.core.new("library.v1.CountBooksResponse", count=12))
    response = await rig.http.head("/v1/books:count")
    assert response.status_code == 200
    assert response.content == b""
    assert response.headers["content-length"] == "4"
    assert response.headers["content-type"] == "application/json"
    assert len(rig.core.calls) == 1


async def test_an_error_has_no_content_for_head_either(rig) -> None:
    rig.core.fails("GetBook", grpc.StatusCode.NOT_FOUND)
    response = await rig.http.head("/v1/books/7")
    assert response.status_code == 404
    assert response.content == b""
    assert int(response.headers["content-length"]) > 0


async def test_methods_of_ones_own(rig) -> None:
    assert (await rig.http.request("PURGE", "/v1/cache")).status_code == 200
    for method in ("GET", "PUT", "BREW", "OPTIONS", "HEAD"):
        assert (await rig.http.request(method, "/v1/anything")).status_code == 200
    assert [call.rpc for call in rig.core.calls] == ["Purge", *["Anything"] * 5]


async def test_websockets_are_refused(rig) -> None:
    sent = []

    async def send(message):
        sent.append(message)

    await rig.transcoder({"type": "websocket"}, None, send)
    assert sent == [{"type": "websocket.close"}]


async def test_the_lifespan_is_not_its_own(rig) -> None:
    with pytest.raises(NotImplementedError):
        await rig.transcoder({"type": "lifespan"}, None, None)


# Media types.


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json ; charset=utf8",
        "application/json; version=1",
        "application/json;",
    ],
)
async def test_json_is_welcome(rig, media_type) -> None:
    headers = {"content-type": media_type}
    response = await rig.http.post("/v1/books/7:lend", content=b"{}", headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "application/jsonp",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/json; charset=",
        "application/json, text/plain",
        "application/vnd.api+json",
        ";",
    ],
)
async def test_nothing_else_is(rig, media_type) -> None:
    headers = {} if media_type is None else {"content-type": media_type}
    response = await rig.http.post("/v1/books/7:lend", content=b"{}", headers=headers)
    assert response.status_code == 415
    assert response.json()["reason"] == "UNSUPPORTED_MEDIA_TYPE"
    assert response.headers["accept"] == "application/json"
    assert rig.core.calls == []


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "identity, gzip", "", "x"])
@pytest.mark.parametrize("path", ["/v1/titles", "/v1/files/x"])
async def test_nothing_packed(rig, path, encoding) -> None:
    headers = {**JSON, "content-encoding": encoding}
    response = await rig.http.put(path, content=b"[]", headers=headers)
    assert response.status_code == 415
    assert response.headers["accept-encoding"] == "identity"


async def test_not_packed_is_fine(rig) -> None:
    headers = {**JSON, "content-encoding": "Identity"}
    response = await rig.http.put("/v1/titles", content=b"[]", headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}])
async def test_an_empty_body_has_no_type(rig, headers) -> None:
    response = await rig.http.post("/v1/books/7:lend", headers=headers)
    assert response.status_code == 200
    assert rig.core.request.book_id == "7"


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD"])
async def test_a_body_where_none_is_read(rig, method, faults) -> None:
    response = await rig.http.request(method, "/v1/books/7", content=b"{}", headers=JSON)
    if method == "HEAD":
        assert response.status_code == 400
    else:
        assert faults(response) == [("", "body.unexpected")]
    assert rig.core.calls == []


async def test_a_body_of_nothing_is_none(raw) -> None:
    scope = raw.scope("GET", b"/v1/books/7", transfer_encoding="chunked")
    assert (await raw.ask(scope, b"", b"")).status_code == 200


async def test_a_body_in_frames_is_found_too(raw, faults) -> None:
    """HTTP/2 tells of a body by neither header."""
    scope = raw.scope("GET", b"/v1/books/7")
    scope["http_version"] = "2"
    assert faults(await raw.ask(scope, b"{}")) == [("", "body.unexpected")]


# Sizes.


@pytest.fixture
async def small(make_rig, library):
    async with make_rig(library, "library.v1.Library", max_body=64) as rig:
        yield rig


async def test_a_body_that_just_fits(small) -> None:
    response = await small.http.put("/v1/titles", json=["x" * 60])
    assert response.status_code == 200


async def test_a_body_that_says_it_is_too_large_is_not_read(small) -> None:
    sent = []

    async def receive():
        raise AssertionError("must not be read")

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/v1/titles",
        "raw_path": b"/v1/titles",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"65")],
    }
    await small.transcoder(scope, receive, send)
    assert sent[0]["status"] == 413


async def test_a_body_that_is_too_large_without_saying_so(small) -> None:
    async def endless():
        while True:
            yield b"x" * 40

    response = await small.http.put("/v1/titles", content=endless(), headers=JSON)
    assert response.status_code == 413
    assert response.json()["reason"] == "REQUEST_TOO_LARGE"


async def test_a_body_in_pieces(rig) -> None:
    async def pieces():
        for byte in b'["a",  "b"]':
            yield bytes([byte])

    response = await rig.http.put("/v1/titles", content=pieces(), headers=JSON)
    assert response.status_code == 200
    assert list(rig.core.request.titles) == ["a", "b"]


async def test_a_length_that_is_no_number(raw) -> None:
    scope = raw.scope("PUT", b"/v1/titles", content_length="x", content_type="application/json")
    assert (await raw.ask(scope, b"[]")).status_code == 200
