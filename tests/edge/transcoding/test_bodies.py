"""What of a message is in the body of a request or an answer."""

import pytest


async def test_a_field_of_the_request(rig) -> None:
    response = await rig.http.put("/v1/books/7", json={"title": "Emma"})
    assert response.status_code == 200
    assert rig.core.request.book.title == "Emma"


async def test_a_list_of_the_request(rig) -> None:
    response = await rig.http.put("/v1/titles", json=["a", "b"])
    assert response.status_code == 200
    assert list(rig.core.request.titles) == ["a", "b"]


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ("{}", "titles", "json.type"),
        ("[1]", "titles[0]", "json.type"),
        ("[", "titles", "json.syntax"),
        ('[{"a":1,"a":2}]', "titles[0].a", "json.duplicate_key"),
        ("[" * 5_000, "titles", "json.depth"),
    ],
)
async def test_a_fault_is_named_from_the_request(rig, faults, body, field, rule) -> None:
    headers = {"content-type": "application/json"}
    response = await rig.http.put("/v1/titles", content=body, headers=headers)
    assert faults(response) == [(field, rule)]


async def test_null_is_no_list(rig) -> None:
    response = await rig.http.put("/v1/titles", json=None, headers={})
    assert response.status_code == 200
    headers = {"content-type": "application/json"}
    response = await rig.http.put("/v1/titles", content=b"null", headers=headers)
    assert response.status_code == 200
    assert [len(call.request.titles) for call in rig.core.calls] == [0, 0]


async def test_a_field_of_the_response(rig) -> None:
    titles = rig.core.new("library.v1.ListTitlesResponse", titles=["é", "\u2028"])
    rig.core.answers("ListTitles", titles)
    response = await rig.http.get("/v1/titles")
    assert response.content == '["é","\u2028"]'.encode()
    rig.core.answers("CountBooks", rig.core.new("library.v1.CountBooksResponse", count=2**53 + 1))
    assert (await rig.http.get("/v1/books:count")).text == '"9007199254740993"'


async def test_an_absent_field_of_the_response(rig) -> None:
    assert (await rig.http.get("/v1/books:count")).text == '"0"'
    assert (await rig.http.get("/v1/titles")).text == "[]"
    assert (await rig.http.get("/v1/books/7")).json() == {
        "bookId": "",
        "title": "",
        "genre": "GENRE_UNSPECIFIED",
        "pages": "0",
        "tags": [],
        "notes": {},
        "MARK": "",
    }


async def test_the_whole_response(rig) -> None:
    assert (await rig.http.get("/v1/books/newest")).json() == {}
    assert (await rig.http.get("/v1/books")).json() == {"books": [], "nextPageToken": ""}
    assert (await rig.http.delete("/v1/books/7")).json() == {}


async def test_additional_bindings_have_bodies_of_their_own(rig) -> None:
    book = rig.core.new("library.v1.Book", title="Emma")
    rig.core.answers("GetBook", rig.core.new("library.v1.GetBookResponse", book=book))
    assert (await rig.http.get("/v1/books/7")).json()["title"] == "Emma"
    assert (await rig.http.get("/v1/isbn/7/book")).json()["book"]["title"] == "Emma"


async def test_types_that_are_no_objects(rig) -> None:
    async def behavior(request, _context):
        return request

    rig.core.on("Note", behavior)
    assert (await rig.http.post("/v1/note", json="hello")).json() == "hello"
    assert (await rig.http.post("/v1/note")).json() == ""
    for wrong in (["x"], {"value": "x"}, 1):
        response = await rig.http.post("/v1/note", json=wrong)
        assert response.status_code == 400


async def test_free_form(rig, faults) -> None:
    async def behavior(request, _context):
        value = rig.core.new("google.protobuf.Value")
        value.struct_value.CopyFrom(request)
        return value

    rig.core.on("Free", behavior)
    body = {"a": [1.5, None, {"b": "x"}]}
    assert (await rig.http.post("/v1/free", json=body)).json() == body
    assert (await rig.http.post("/v1/free")).json() == {}
    assert faults(await rig.http.post("/v1/free", json=[])) == [("", "json.type")]
    assert faults(await rig.http.post("/v1/free?fields=x", json={})) == [
        ("fields", "query.unknown")
    ]


async def test_a_value_that_is_none(rig) -> None:
    assert (await rig.http.post("/v1/free", json={})).status_code == 500


# google.api.HttpBody


@pytest.mark.parametrize("media_type", ["application/octet-stream", "text/plain; charset=x", None])
async def test_bytes_come_in_as_they_are(rig, media_type) -> None:
    content = bytes(range(256))
    headers = {} if media_type is None else {"content-type": media_type}
    response = await rig.http.put("/v1/files/a/b?overwrite=true", content=content, headers=headers)
    assert response.status_code == 200
    assert rig.core.request.path == "a/b"
    assert rig.core.request.overwrite
    assert rig.core.request.file.data == content
    assert rig.core.request.file.content_type == (media_type or "")


async def test_bytes_may_be_none(rig) -> None:
    assert (await rig.http.put("/v1/files/a")).status_code == 200
    assert rig.core.request.file.data == b""


async def test_bytes_may_be_too_many(make_rig, library) -> None:
    async with make_rig(library, "library.v1.Library", max_body=10) as rig:
        assert (await rig.http.put("/v1/files/a", content=b"x" * 10)).status_code == 200
        assert (await rig.http.put("/v1/files/a", content=b"x" * 11)).status_code == 413


async def test_bytes_go_out_as_they_are(rig) -> None:
    content = bytes(range(256))
    body = rig.core.new("google.api.HttpBody", content_type="image/png; x=y", data=content)
    rig.core.answers("GetFile", body)
    response = await rig.http.get("/v1/files/a")
    assert response.content == content
    assert response.headers["content-type"] == "image/png; x=y"
    assert response.headers["content-length"] == "256"


async def test_bytes_of_no_type(rig) -> None:
    rig.core.answers("GetFile", rig.core.new("google.api.HttpBody", data=b"x"))
    response = await rig.http.get("/v1/files/a")
    assert response.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("media_type", ["text/plain\r\nset-cookie: a=b", "tëxt/plain", "a\x00b"])
async def test_a_type_that_is_no_header(rig, media_type) -> None:
    body = rig.core.new("google.api.HttpBody", content_type=media_type, data=b"x")
    rig.core.answers("GetFile", body)
    assert (await rig.http.get("/v1/files/a")).status_code == 500


async def test_bytes_both_ways(rig) -> None:
    async def behavior(request, _context):
        return request

    rig.core.on("PostRaw", behavior)
    headers = {"content-type": "text/csv"}
    response = await rig.http.post("/v1/raw", content=b"a,b\n", headers=headers)
    assert response.content == b"a,b\n"
    assert response.headers["content-type"] == "text/csv"
