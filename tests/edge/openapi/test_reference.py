"""The reference page: complete, consistent, safe to serve under a strict policy."""

import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pytest

from edge.openapi import reference
from tests.edge.openapi.conftest import Describe

VOID = {"meta", "link", "input", "path", "wbr"}


class Page(HTMLParser):
    """What a browser would find."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open[-1] if self._open else "", data))

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(data for _, data in self.texts))

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.tags if name in attributes]


@pytest.fixture(scope="module")
def limen(limen_document: dict[str, Any]) -> Page:
    return Page(reference.page(limen_document))


def test_nothing_inline_and_nothing_from_elsewhere(limen: Page) -> None:
    assert not limen.attributes("style")
    assert not [name for _, found in limen.tags for name in found if name.startswith("on")]
    assert not [data for tag, data in limen.texts if tag in ("script", "style") and data.strip()]
    assert not {"style", "iframe", "img", "base", "object"} & {tag for tag, _ in limen.tags}
    for address in limen.attributes("src") + [
        found["href"] for tag, found in limen.tags if tag == "link"
    ]:
        assert address.startswith("/docs/assets/")
    hosts = {urlsplit(address).netloc for address in limen.attributes("href")} - {""}
    assert hosts == {"www.rfc-editor.org"}


def test_the_assets_are_there_and_named_by_their_content(limen: Page) -> None:
    addresses = [
        each for each in limen.attributes("src") + limen.attributes("href") if "?v=" in each
    ]
    assert len(addresses) == 2
    for address in addresses:
        name = urlsplit(address).path.removeprefix("/docs/assets/")
        assert (reference.assets / name).stat().st_size > 0


def test_the_style_and_the_script_fetch_nothing() -> None:
    for path in reference.assets.iterdir():
        text = path.read_text()
        assert "url(" not in text
        assert "@import" not in text
        assert "http" not in text
        assert "innerHTML" not in text
        assert ".style" not in text


def test_every_anchor_is_unique_and_every_link_leads_somewhere(limen: Page) -> None:
    ids = Counter(limen.ids)
    assert max(ids.values()) == 1
    for address in limen.attributes("href"):
        if address.startswith("#"):
            assert address[1:] in ids, address
    for name in limen.attributes("for"):
        assert name in ids


def test_every_operation_is_shown_under_its_service(
    limen: Page, limen_document: dict[str, Any]
) -> None:
    for tag in limen_document["tags"]:
        assert tag["name"] in limen.ids
    for item in limen_document["paths"].values():
        for operation in item.values():
            assert operation["operationId"] in limen.ids
            first_line = operation["x-codeSamples"][0]["source"].splitlines()[0]
            assert re.sub(r"\s+", " ", first_line) in limen.text


def test_every_reason_and_schema_has_its_anchor(
    limen: Page, limen_document: dict[str, Any]
) -> None:
    for example in limen_document["components"]["examples"].values():
        fragment = urlsplit(example["value"]["type"]).fragment
        assert fragment in limen.ids
    for name in limen_document["components"]["schemas"]:
        assert f"schema-{name}" in limen.ids


def test_limits_are_told_in_words(limen: Page) -> None:
    for words in (
        "3 to 254 characters",
        "at most 512 characters",
        "at most 32 entries",
        "required",
        "always present",
        "write-only",
        "secret",
        "personal data",
        "read-only",
        "120 a minute per network, 30 per caller",
    ):
        assert words in limen.text, words


def test_references_in_prose_are_links(limen_document: dict[str, Any]) -> None:
    html = reference.page(limen_document)
    assert '<a href="#UserService_DisableUser">DisableUser</a>' in html
    assert '<a href="#NOT_FOUND"><code>NOT_FOUND</code></a>' in html
    assert "https://www.rfc-editor.org/rfc/rfc9562#section-5.7" in html


def test_only_what_works_without_a_script_is_shown_at_first(limen: Page) -> None:
    hidden = [
        found.get("class") or found.get("role") for _, found in limen.tags if "hidden" in found
    ]
    assert hidden == ["search", "search-empty"]


def test_markup_in_a_contract_stays_text(describe: Describe) -> None:
    attack = '<script>alert(1)</script><img src=x onerror="alert(2)"> & `<b>` "quoted"'
    document = describe(
        f"""
        // Probe is {attack}
        service Probe {{
          // Does {attack}
          rpc Try(M) returns (M) {{
            option (google.api.http) = {{get: "/x"}};
            option (limen.options.v1.policy) = {{permission: "<script>alert(4)</script>"}};
          }}
        }}
        // M is {attack}
        message M {{
          // Holds {attack}
          string a = 1 [(buf.validate.field).string = {{pattern: "<script>" in: ["<i>"]}}];
        }}
        """
    )
    document["info"] |= {"title": attack, "description": attack, "version": attack}
    document["servers"][0]["url"] = attack
    html = reference.page(document)
    assert "<script>" not in html
    assert "<img" not in html
    assert "<b>" not in html
    page = Page(html)
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert attack.split("&")[0].strip() in page.text


def test_every_form_of_operation_can_be_shown(describe: Describe) -> None:
    document = describe(
        """
        message Node { repeated Node children = 1; map<string, Node> named = 2; double real = 3; }
        message Raw { string name = 1; google.api.HttpBody file = 2; repeated string tags = 3; }
        service Probe {
          rpc Stream(Node) returns (stream Node) { option (google.api.http) = {get: "/stream"}; }
          rpc Send(Raw) returns (google.api.HttpBody) {
            option deprecated = true;
            option (google.api.http) = {post: "/raw/{name=a/*/b/**}" body: "file"};
          }
          rpc List(Raw) returns (Raw) {
            option (google.api.http) = {put: "/list" body: "tags" response_body: "tags"};
          }
          rpc Only(Raw) returns (Raw);
        }
        service Silent { rpc Only(Raw) returns (Raw); }
        """,
        "Probe",
        "Silent",
    )
    page = Page(reference.page(document))
    assert "/raw/a/{name1}/b/{name2}" in page.text
    assert "Over gRPC alone: Only." in page.text
    assert "deprecated" in page.text


def test_a_contract_without_reasons_has_no_chapter_on_errors(
    limen_document: dict[str, Any],
) -> None:
    bare = {**limen_document, "x-limen-errors": {}, "paths": {}}
    assert "errors" not in Page(reference.page(bare)).ids
