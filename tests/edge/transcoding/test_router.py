"""The routing table on its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.transcoding.router import Router
from edge.transcoding.template import parse


def router(*routes: str) -> Router[str]:
    """A table of routes such as `GET /v1/books`; each leads to itself."""
    table: Router[str] = Router()
    for route in routes:
        method, _, template = route.partition(" ")
        table.add(method, parse(template), route)
    return table


def where(table: Router[str], method: str, path: str) -> str | None:
    match = table.match(method, path)
    return match and match.target


PRECEDENCE = router(
    "GET /v1/books/newest",
    "GET /v1/books/{id}",
    "GET /v1/{kind}/newest",
    "GET /v1/{kind}/{id}/{part}",
    "GET /v1/{path=**}",
    "GET /{path=**}",
)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/books/newest", "GET /v1/books/newest"),
        ("/v1/books/7", "GET /v1/books/{id}"),
        ("/v1/films/newest", "GET /v1/{kind}/newest"),
        ("/v1/films/7", "GET /v1/{path=**}"),
        ("/v1/films/7/8", "GET /v1/{kind}/{id}/{part}"),
        ("/v1/books/7/8", "GET /v1/{kind}/{id}/{part}"),
        ("/v1/books", "GET /v1/{path=**}"),
        ("/v1", "GET /v1/{path=**}"),
        ("/v1/", "GET /v1/{path=**}"),
        ("/v1/books/", "GET /v1/{path=**}"),
        ("/v2", "GET /{path=**}"),
        ("/", "GET /{path=**}"),
    ],
)
def test_literals_go_before_wildcards_and_these_before_the_rest(path: str, route: str) -> None:
    assert where(PRECEDENCE, "GET", path) == route


def test_the_order_of_definition_does_not_matter() -> None:
    assert where(router("GET /a/{x}", "GET /a/b"), "GET", "/a/b") == "GET /a/b"
    assert where(router("GET /a/b", "GET /a/{x}"), "GET", "/a/b") == "GET /a/b"


def test_a_less_specific_route_serves_the_method_that_the_other_lacks() -> None:
    table = router("POST /a/me", "GET /a/{id}", "DELETE /{path=**}")
    assert where(table, "GET", "/a/me") == "GET /a/{id}"
    assert where(table, "DELETE", "/a/me") == "DELETE /{path=**}"
    assert where(table, "PUT", "/a/me") is None
    assert table.methods("/a/me") == {"POST", "GET", "DELETE"}


def test_an_empty_segment_is_nothing_that_a_wildcard_takes() -> None:
    table = router("GET /a/{id}", "GET /a/{id}/b")
    assert where(table, "GET", "/a/") is None
    assert where(table, "GET", "/a//b") is None
    assert where(table, "GET", "/a/x/") is None
    assert table.methods("/a/") == set()


def test_a_verb_is_one_where_it_is_registered() -> None:
    table = router("GET /a/{id}", "POST /a/{id}:close", "GET /a:count", "GET /b/{id}")
    assert where(table, "POST", "/a/7:close") == "POST /a/{id}:close"
    assert where(table, "GET", "/a:count") == "GET /a:count"
    assert where(table, "GET", "/a/urn:isbn:7") == "GET /a/{id}"
    assert where(table, "GET", "/b/7:close") == "GET /b/{id}"


def test_a_registered_verb_with_another_method_is_no_value() -> None:
    table = router("GET /a/{id}", "POST /a/{id}:close")
    assert where(table, "GET", "/a/7:close") is None
    assert table.methods("/a/7:close") == {"POST"}


def test_an_encoded_colon_makes_no_verb() -> None:
    table = router("GET /a/{id}", "POST /a/{id}:close")
    match = table.match("GET", "/a/7%3Aclose")
    assert match is not None
    assert match.segments == ["a", "7%3Aclose"]


def test_the_verb_is_cut_off_the_last_segment() -> None:
    match = router("POST /a/{id}:close").match("POST", "/a/x:y:close")
    assert match is not None
    assert match.segments == ["a", "x:y"]


def test_a_verb_after_the_rest() -> None:
    table = router("GET /f/{path=**}", "POST /f/{path=**}:scan")
    assert where(table, "POST", "/f/a/b:scan") == "POST /f/{path=**}:scan"
    assert where(table, "POST", "/f/a:scan/b") is None
    assert where(table, "GET", "/f/a:scan/b") == "GET /f/{path=**}"


def test_literals_are_compared_decoded() -> None:
    table = router("GET /a/b~c", "GET /a/x%20y", "GET /a/%2A")
    assert where(table, "GET", "/%61/b%7Ec") == "GET /a/b~c"
    assert where(table, "GET", "/a/x%20y") == "GET /a/x%20y"
    assert where(table, "GET", "/a/*") == "GET /a/%2A"
    assert where(table, "GET", "/a/z") is None
    assert where(table, "GET", "/a%2Fb~c") is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GET /a/{x}", "GET /a/{y}"),
        ("GET /a/{x}", "GET /a/*"),
        ("GET /{x=a/*}", "GET /a/{y}"),
        ("GET /{x=**}:go", "GET /**:go"),
        ("GET /a", "GET /a"),
    ],
)
def test_the_same_twice_is_refused(one: str, other: str) -> None:
    with pytest.raises(ValueError, match="bound twice"):
        router(one, other)


def test_the_same_path_with_another_verb_or_method_is_not_the_same() -> None:
    router("GET /a/{x}", "GET /a/{x}:go", "PUT /a/{x}", "GET /a/**")


@given(st.text(max_size=40), st.sampled_from(["GET", "POST", ""]))
def test_any_path_is_answered(path: str, method: str) -> None:
    table = router("GET /a/{x}", "POST /a/{x}:go", "GET /b/{x=**}", "POST /b/{x=**}:go")
    match = table.match(method, f"/{path}")
    if match is not None:
        assert method in table.methods(f"/{path}")


def test_many_alternatives_do_not_multiply() -> None:
    """Each node is visited once at most, so a long path costs no more than its length."""
    table = router(*(f"GET {'/a' * n}{'/{x}' if n % 2 else ''}/end" for n in range(1, 200)))
    assert where(table, "GET", "/a" * 400) is None
