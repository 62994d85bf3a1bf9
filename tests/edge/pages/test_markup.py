"""What holds for the markup of every page: safe, accessible, and in step with its scripts."""

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edge.pages.assets import ASSET_DIRECTORY, load_assets
from edge.pages.languages import LANGUAGES
from edge.pages.rendering import make_environment
from edge.pages.routes import PAGES
from edge.pages.translations import load_translations

Element = tuple[str, dict[str, str]]

AUTOCOMPLETE = {
    "username",
    "name",
    "current-password",
    "new-password",
    "one-time-code",
    "off",
}


class Markup(HTMLParser):
    """Collects the elements of a page, and the text that stands in scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.inline_text = ""
        self.title = ""
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._open = tag

    def handle_endtag(self, _: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in {"script", "style"}:
            self.inline_text += data
        if self._open == "title":
            self.title += data

    def named(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]


def render(template: str, language: str = "en") -> str:
    environment = make_environment(load_translations(language), language)
    return environment.get_template(template).render()


@pytest.fixture(params=PAGES.values())
def page(request: pytest.FixtureRequest) -> Markup:
    return Markup(render(request.param))


def scripts_of(page: Markup) -> dict[str, str]:
    """Return the source of every module that the page loads, by name."""
    waiting = [script["src"].removeprefix("/assets/") for script in page.named("script")]
    sources: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        sources[name] = (ASSET_DIRECTORY / name).read_text()
        imports = re.findall(r"from '\./([\w-]+\.js)'", sources[name])
        waiting += [imported for imported in imports if imported not in sources]
    return sources


def test_nothing_is_inline(page: Markup) -> None:
    assert page.named("style", "base", "iframe", "object", "embed") == []
    assert page.inline_text.strip() == ""
    for _, attributes in page.elements:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
    for script in page.named("script"):
        assert script["type"] == "module"


def test_everything_comes_from_here_and_exists(page: Markup) -> None:
    assets = load_assets()
    known = {f"/assets/{name}" for name in assets} | set(PAGES) | {"/.well-known/jwks.json"}
    for _, attributes in page.elements:
        for name in ("src", "href", "action", "srcset", "formaction"):
            target = attributes.get(name)
            if target is not None and not target.startswith("#"):
                assert target in known


def test_every_imported_module_exists(page: Markup) -> None:
    assert "limen.js" in scripts_of(page)


def test_page_has_one_title_and_one_visible_first_heading(page: Markup) -> None:
    assert page.title.endswith(" · limen")
    assert len(page.title) > len(" · limen")
    panels = [attributes for attributes in page.named("section") if "data-panel" in attributes]
    assert len(page.named("h1")) == max(1, len(panels))
    assert len([panel for panel in panels if "hidden" not in panel]) == min(1, len(panels))


def test_titles_differ() -> None:
    titles = [Markup(render(template)).title for template in PAGES.values()]
    assert len(set(titles)) == len(PAGES)


def test_ids_are_unique_and_references_lead_somewhere(page: Markup) -> None:
    ids = Counter(page.ids())
    assert [name for name, count in ids.items() if count > 1] == []
    for _, attributes in page.elements:
        for name in ("for", "aria-describedby", "aria-labelledby", "aria-controls"):
            assert set(attributes.get(name, "").split()) <= set(ids)


def test_every_field_has_a_label_an_error_place_and_autocomplete(page: Markup) -> None:
    labelled = {label["for"] for label in page.named("label")}
    for field in page.named("input"):
        assert field["autocomplete"] in AUTOCOMPLETE
        if "hidden" not in field:
            assert field["id"] in labelled
            assert f"{field['id']}-error" in field["aria-describedby"].split()
            assert "maxlength" not in field


def test_every_form_is_posted_and_waits_for_its_script(page: Markup) -> None:
    for form in page.named("form"):
        assert form["method"] == "post"
    submits = [button for button in page.named("button") if button["type"] == "submit"]
    assert len(submits) == len(page.named("form"))
    assert all("disabled" in button for button in submits)


def test_alerts_are_announced(page: Markup) -> None:
    for _, attributes in page.elements:
        if "data-alert" in attributes:
            assert attributes["role"] == "alert"
        if "data-status" in attributes:
            assert attributes["role"] == "status"


def test_pictures_have_a_text_alternative_or_are_decoration(page: Markup) -> None:
    assert all("alt" in image for image in page.named("img"))


def test_scripts_find_what_they_look_for(page: Markup) -> None:
    ids = set(page.ids())
    texts = {attributes.get("data-text") for _, attributes in page.elements}
    for name, source in scripts_of(page).items():
        assert set(re.findall(r"querySelector\('#([\w-]+)'\)", source)) <= ids, name
        assert set(re.findall(r"\btext\('([\w-]+)'", source)) <= texts, name


@pytest.mark.parametrize("path", sorted(ASSET_DIRECTORY.glob("*.js")), ids=lambda path: path.name)
def test_scripts_hold_no_sentence_and_no_dangerous_sink(path: Path) -> None:
    source = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.DOTALL)

    assert not re.search(r"'[A-Z][a-z]+ [^']*[.!?]'", source)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", source)
    assert not re.search(r"localStorage|sessionStorage|console\.", source)


@pytest.mark.parametrize("name", ["logo.svg", "threshold.svg"])
def test_pictures_are_only_pictures(name: str) -> None:
    source = (ASSET_DIRECTORY / name).read_text()
    assert not re.search(r"<script|<style|<foreignObject|\bon\w+=|\bstyle=|href=", source)


@pytest.mark.parametrize("language", LANGUAGES)
def test_markup_is_the_same_in_every_language(language: str) -> None:
    for template in PAGES.values():
        english, other = Markup(render(template)), Markup(render(template, language))
        assert [tag for tag, _ in other.elements] == [tag for tag, _ in english.elements]
        assert other.ids() == english.ids()
