"""HTTP methods."""

import grpc
import pytest


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
