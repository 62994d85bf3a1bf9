"""Values in the query."""

import pytest


async def list_books(raw, query: bytes):
    return await raw.ask(raw.scope("GET", b"/v1/books", query))


async def test_nothing_is_asked_for(rig, raw) -> None:
    assert (await list_books(raw, b"")).status_code == 200
    assert rig.core.request == rig.core.new("library.v1.ListBooksRequest")


async def test_every_kind_of_parameter(rig, raw) -> None:
    query = (
        b"pageSize=5&filter.title=a%20b+c%26&filter.genres=GENRE_POEMS&filter.genres=1&genre=2"
        b"&lent=true&years=1984&years=-5&minPages=9223372036854775807&token=_-8"
        b"&filter.after=2020-01-02T03:04:05.5%2B01:00&weight=-1.5e3&signed=false"
        b"&readMask=title,author.fullName&filter.either.either.title=x"
    )
    response = await list_books(raw, query)
    assert response.status_code == 200, response.text
    request = rig.core.request
    assert request.page_size == 5
    assert request.filter.title == "a b c&"
    assert list(request.filter.genres) == [2, 1]
    assert request.genre == 2
    assert request.lent is True
    assert list(request.years) == [1984, -5]
    assert request.min_pages.value == 2**63 - 1
    assert request.token == b"\xff\xef"
    assert request.filter.after.ToJsonString() == "2020-01-02T02:04:05.500Z"
    assert request.weight == -1500.0
    assert request.HasField("signed")
    assert request.signed.value is False
    assert list(request.read_mask.paths) == ["title", "author.full_name"]
    assert request.filter.either.either.title == "x"


@pytest.mark.parametrize(
    "query", [b"page_size=5", b"pageSize=5", b"&&page_size=5&", b"page%5Fsize=5"]
)
async def test_both_spellings(rig, raw, query) -> None:
    assert (await list_books(raw, query)).status_code == 200
    assert rig.core.request.page_size == 5


async def test_a_mask_in_proto_names(rig, raw) -> None:
    assert (await list_books(raw, b"readMask=author.full_name,title")).status_code == 200
    assert list(rig.core.request.read_mask.paths) == ["author.full_name", "title"]


async def test_text_may_be_empty(rig, raw) -> None:
    assert (await list_books(raw, b"filter.title=&token=&read_mask=")).status_code == 200
    assert rig.core.request.HasField("filter")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (b"colour=red", "colour"),
        (b"filter.nothing=1", "filter.nothing"),
        (b"filter.after.seconds=1", "filter.after.seconds"),
        (b"pageSize.x=1", "pageSize.x"),
        (b"=5", '[""]'),
        (b"a%20b=1", '["a b"]'),
        (b"page.=5", 'page[""]'),
        (b"PageSize=5", "PageSize"),
        (b"$alt=json", '["$alt"]'),
        (b"%F0%9F%93%9A=1", '["\\ud83d\\udcda"]'),
    ],
)
async def test_an_unknown_parameter_is_named(rig, raw, faults, query, field) -> None:
    assert faults(await list_books(raw, query)) == [(field, "query.unknown")]
    assert rig.core.calls == []


async def test_a_name_without_end_is_not_echoed(raw, faults) -> None:
    ((field, rule),) = faults(await list_books(raw, b"x" * 60_000 + b"=1"))
    assert rule == "query.unknown"
    assert len(field) < 500
    raw.sent.clear()
    ((field, rule),) = faults(await list_books(raw, b".".join([b"filter"] * 9_000) + b"=1"))
    assert rule == "query.unknown"
    assert len(field) < 500
    raw.sent.clear()
    path = b"filter." + b"either." * 9_000 + b"title=x"
    ((field, rule),) = faults(await list_books(raw, path))
    assert rule == "query.unknown"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (b"pageSize=x", "pageSize"),
        (b"pageSize=", "pageSize"),
        (b"pageSize", "pageSize"),
        (b"pageSize=1.5", "pageSize"),
        (b"pageSize=2147483648", "pageSize"),
        (b"pageSize=%201", "pageSize"),
        (b"pageSize=1_0", "pageSize"),
        (b"lent=1", "lent"),
        (b"lent=True", "lent"),
        (b"lent=", "lent"),
        (b"signed=yes", "signed"),
        (b"genre=POEMS", "genre"),
        (b"genre=", "genre"),
        (b"genre=99999999999", "genre"),
        (b"filter.genres=GENRE_POEMS&filter.genres=x", "filter.genres"),
        (b"years=1&years=a", "years"),
        (b"filter.after=yesterday", "filter.after"),
        (b"filter.after=2020-13-01T00:00:00Z", "filter.after"),
        (b"minPages=1.5", "minPages"),
        (b"token=*", "token"),
        (b"weight=heavy", "weight"),
        (b"weight=1e999", "weight"),
        (b"weight=0x1p3", "weight"),
        (b"filter=x", "filter"),
        (b"extra=%7B%7D", "extra"),
        (b"labels=x", "labels"),
        (b"pageSize=%FF", "pageSize"),
        (b"filter.title=%zz", "filter.title"),
    ],
)
async def test_a_wrong_value_names_the_parameter(rig, raw, faults, query, field) -> None:
    ((place, rule),) = faults(await list_books(raw, query))
    assert rule == "query.type"
    assert place == field
    assert rig.core.calls == []


async def test_what_would_be_right_is_said(raw) -> None:
    response = await list_books(raw, b"genre=x")
    ((_, _, message, params),) = response.json()["errors"]
    assert message == "must be one of GENRE_UNSPECIFIED, GENRE_NOVEL, GENRE_POEMS"
    assert params == {"expected": "one of GENRE_UNSPECIFIED, GENRE_NOVEL, GENRE_POEMS"}


@pytest.mark.parametrize("query", [b"pageSize=1&pageSize=1", b"pageSize=1&page_size=2"])
async def test_once_is_enough(raw, faults, query) -> None:
    assert faults(await list_books(raw, query)) == [("pageSize", "query.repeated")]


async def test_all_faults_are_told_at_once(raw, faults) -> None:
    found = faults(await list_books(raw, b"pageSize=x&foo=1&lent=2&genre=1&genre=2"))
    assert found == [
        ("pageSize", "query.type"),
        ("foo", "query.unknown"),
        ("lent", "query.type"),
        ("genre", "query.repeated"),
    ]


async def test_but_not_thousands(raw, faults) -> None:
    assert len(faults(await list_books(raw, b"x=1&" * 10_000))) == 100


async def test_what_is_not_utf8(raw, faults) -> None:
    assert faults(await list_books(raw, b"filter.title=\xff")) == [("", "query.type")]


async def test_what_the_path_fills_is_no_parameter(raw, faults) -> None:
    response = await raw.ask(raw.scope("GET", b"/v1/books/7", b"bookId=7&isbn=5"))
    assert faults(response) == [("bookId", "query.unknown")]


async def test_the_other_fields_are(rig, raw) -> None:
    response = await raw.ask(raw.scope("GET", b"/v1/books/7", b"isbn=5"))
    assert response.status_code == 200
    assert rig.core.request.isbn == 5


async def test_what_the_body_fills_is_no_parameter(rig, faults) -> None:
    response = await rig.http.put("/v1/books/7?book.title=x", json={})
    assert faults(response) == [("book.title", "query.unknown")]


async def test_beside_a_body_field_the_rest_is_for_the_query(rig) -> None:
    response = await rig.http.put("/v1/titles?sort=true", json=["b", "a"])
    assert response.status_code == 200
    assert rig.core.request.sort
    assert list(rig.core.request.titles) == ["b", "a"]


async def test_beside_a_whole_body_there_is_no_query(rig, faults) -> None:
    response = await rig.http.post("/v1/shelves/a/books?copies=2", json={"book": {}})
    assert faults(response) == [("copies", "query.unknown")]


async def test_a_request_without_fields_in_json_has_no_parameters(rig, faults) -> None:
    assert (await rig.http.get("/v1/say")).json() == ""
    assert faults(await rig.http.get("/v1/say?value=x")) == [("value", "query.unknown")]
