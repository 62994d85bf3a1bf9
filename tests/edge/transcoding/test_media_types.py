"""Bodies that are welcome by their headers, and those that are not."""

import pytest

JSON = {"content-type": "application/json"}


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
