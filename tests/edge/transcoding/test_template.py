import pytest

from edge.transcoding.template import Template, TemplateError, Variable, parse


def test_literals() -> None:
    assert parse("/v1/.well-known/a-b~c") == Template(
        "/v1/.well-known/a-b~c", ("v1", ".well-known", "a-b~c"), "", ()
    )


def test_the_root() -> None:
    with pytest.raises(TemplateError):
        parse("/")


def test_a_variable_is_one_segment() -> None:
    template = parse("/v1/books/{book.book_id}")
    assert template.segments == ("v1", "books", "*")
    assert template.variables == (Variable("book.book_id", 2, 3, is_multi=False),)


def test_a_variable_may_say_so() -> None:
    assert parse("/v1/{id=*}").variables == parse("/v1/{id}").variables


def test_a_variable_may_hold_several_segments() -> None:
    template = parse("/v1/{name=shelves/*/books/*}/pages/{page}:turn")
    assert template.segments == ("v1", "shelves", "*", "books", "*", "pages", "*")
    assert template.verb == "turn"
    assert template.variables == (
        Variable("name", 1, 5, is_multi=True),
        Variable("page", 6, 7, is_multi=False),
    )


def test_a_variable_may_hold_the_rest() -> None:
    template = parse("/files/{path=**}:scan")
    assert template.segments == ("files", "**")
    assert template.variables == (Variable("path", 1, None, is_multi=True),)
    assert template.verb == "scan"


def test_a_variable_may_be_a_literal() -> None:
    template = parse("/v1/{kind=books}")
    assert template.segments == ("v1", "books")
    assert template.variables == (Variable("kind", 1, 2, is_multi=False),)


def test_wildcards_need_no_variable() -> None:
    assert parse("/v1/*/x/**").segments == ("v1", "*", "x", "**")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v1/books",
        "/v1//books",
        "/v1/books/",
        "/v1/{",
        "/v1/{}",
        "/v1/{id",
        "/v1/id}",
        "/v1/{a}{b}",
        "/v1/x{a}",
        "/v1/{a=}",
        "/v1/{a={b}}",
        "/v1/{1a}",
        "/v1/{a..b}",
        "/v1/{a=x//y}",
        "/v1/**/x",
        "/v1/{a=**}/x",
        "/v1/{a=**/x}",
        "/v1/{a}/{a}",
        "/v1/***",
        "/v1/a*b",
        "/v1/a b",
        "/v1/a?b",
        "/v1/a:b:c",
        "/v1/:verb",
        "/v1/a:",
        "/v1/ä",
    ],
)
def test_what_is_no_template(text: str) -> None:
    with pytest.raises(TemplateError, match=r"'"):
        parse(text)
