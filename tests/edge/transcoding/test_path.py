"""Values in the path."""

import pytest


async def get(raw, path: bytes):
    return await raw.ask(raw.scope("GET", path))


@pytest.mark.parametrize(
    ("segment", "value"),
    [
        (b"7", "7"),
        (b"a%2Fb", "a/b"),
        (b"a%2fb%2520", "a/b%20"),
        (b"%C3%A4%20+", "ä +"),
        (b"caf\xc3\xa9", "café"),
        (b"x%3Alend", "x:lend"),
        (b"urn:isbn", "urn:isbn"),
        (b"%2E%2E", ".."),
        (b"%F0%9F%93%9A", "\N{BOOKS}"),
        (b"a;b=c,d", "a;b=c,d"),
    ],
)
async def test_one_segment_is_decoded_fully(rig, raw, segment, value) -> None:
    response = await get(raw, b"/v1/books/" + segment)
    assert response.status_code == 200
    assert rig.core.request.book_id == value


@pytest.mark.parametrize(
    ("rest", "value"),
    [
        (b"a/b/c", "a/b/c"),
        (b"a%2Fb/c%2fd", "a%2Fb/c%2fd"),
        (b"a%20b/%C3%A4", "a b/ä"),
        (b"%252F", "%2F"),
        (b"", ""),
        (b"a//b/", "a//b/"),
        (b"a:b", "a:b"),
    ],
)
async def test_several_segments_keep_their_encoded_slashes(rig, raw, rest, value) -> None:
    response = await get(raw, b"/v1/files/" + rest)
    assert response.status_code == 200
    assert rig.core.request.path == value


async def test_the_rest_may_be_nothing(rig, raw) -> None:
    assert (await get(raw, b"/v1/files")).status_code == 200
    assert rig.core.request.path == ""


async def test_a_variable_can_be_a_pattern(rig, raw) -> None:
    assert (await get(raw, b"/v1/shelves/a%2Fb/books/%37")).status_code == 200
    assert rig.core.request.name == "shelves/a%2Fb/books/7"


@pytest.mark.parametrize("segment", [b"%FF", b"%", b"%zz", b"a%2", b"%C3", b"%ED%A0%80"])
@pytest.mark.parametrize("prefix", [b"/v1/files/", b"/v1/files/x%2F", b"/v1/books/"])
async def test_broken_encoding_names_the_field(rig, raw, faults, prefix, segment) -> None:
    field = "bookId" if b"books" in prefix else "path"
    assert faults(await get(raw, prefix + segment)) == [(field, "path.type")]
    assert rig.core.calls == []


async def test_bytes_that_are_no_text(raw, faults) -> None:
    assert faults(await get(raw, b"/v1/books/\xff")) == [("", "path.type")]


@pytest.mark.parametrize("value", [b"12", b"-9223372036854775808", b"9223372036854775807"])
async def test_a_number_in_the_path(rig, raw, value) -> None:
    assert (await get(raw, b"/v1/isbn/" + value + b"/book")).status_code == 200
    assert rig.core.request.isbn == int(value)


@pytest.mark.parametrize(
    "value",
    [b"x", b"1.5", b"9223372036854775808", b"1_0", b"+1", b"%20", b"0x1", b"%D9%A1", b"9" * 5000],
)
async def test_a_wrong_number_in_the_path(raw, faults, value) -> None:
    assert faults(await get(raw, b"/v1/isbn/" + value + b"/book")) == [("isbn", "path.type")]


async def test_the_path_fills_nested_fields(rig) -> None:
    response = await rig.http.put("/v1/books/7", json={"title": "T"})
    assert response.status_code == 200
    assert rig.core.request.book.book_id == "7"
    assert rig.core.request.book.title == "T"


@pytest.mark.parametrize("name", ["bookId", "book_id"])
@pytest.mark.parametrize("value", ["7", "", None])
async def test_the_body_may_agree_or_be_silent(rig, name, value) -> None:
    response = await rig.http.put("/v1/books/7", json={name: value})
    assert response.status_code == 200
    assert rig.core.request.book.book_id == "7"


@pytest.mark.parametrize("name", ["bookId", "book_id"])
async def test_the_body_may_not_disagree(rig, faults, name) -> None:
    response = await rig.http.put("/v1/books/7", json={name: "8"})
    assert faults(response) == [("book.bookId", "path.conflict")]
    assert rig.core.calls == []


async def test_nor_may_the_body_as_a_whole(rig, faults) -> None:
    body = {"shelf": "b", "book": {}}
    response = await rig.http.post("/v1/shelves/a/books", json=body)
    assert faults(response) == [("shelf", "path.conflict")]


async def test_a_wrong_type_in_the_body_is_no_conflict(rig, faults) -> None:
    response = await rig.http.put("/v1/books/7", json={"bookId": 7})
    assert faults(response) == [("book.bookId", "json.type")]


async def test_the_body_under_both_names_is_found_out(rig, faults) -> None:
    response = await rig.http.put("/v1/books/7", json={"bookId": "7", "book_id": "7"})
    assert faults(response) == [("book.bookId", "json.duplicate_key")]


async def test_a_body_that_has_no_place_for_the_path(rig, faults) -> None:
    response = await rig.http.put("/v1/books/7", json=[])
    assert faults(response) == [("book", "json.type")]


@pytest.mark.parametrize("path", [b"/v1/books/a%20b%25", b"/v1/books/a%3Ab", b"/v1/books/%C3%A4"])
async def test_a_path_without_its_raw_form(rig, raw, path) -> None:
    scope = raw.scope("GET", path)
    del scope["raw_path"]
    assert (await raw.ask(scope)).status_code == 200
    assert rig.core.request.book_id == scope["path"].removeprefix("/v1/books/")


async def test_a_verb_without_the_raw_form_of_its_path(rig, raw) -> None:
    scope = raw.scope("GET", b"/v1/books:count")
    del scope["raw_path"]
    assert (await raw.ask(scope)).status_code == 200
    assert rig.core.calls[0].rpc == "CountBooks"


@pytest.mark.parametrize("root", ["/api", "/ap i"])
async def test_a_prefix_that_the_app_is_mounted_at(rig, raw, root) -> None:
    scope = raw.scope("GET", root.replace(" ", "%20").encode() + b"/v1/books/7", root=root)
    scope["root_path"] = root
    assert (await raw.ask(scope)).status_code == 200
    assert rig.core.request.book_id == "7"
