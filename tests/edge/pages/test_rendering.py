from gettext import NullTranslations

import pytest
from jinja2 import UndefinedError

from edge.pages.languages import LANGUAGES
from edge.pages.rendering import make_environment
from edge.pages.routes import PAGES


class HostileTranslations(NullTranslations):
    """Every text closes an attribute and an element and runs a script."""

    def gettext(self, message: str) -> str:
        return f"\"'><script>alert(1)</script>{message}"


@pytest.mark.parametrize("template", PAGES.values())
def test_markup_in_a_translation_stays_text(template: str) -> None:
    page = make_environment(HostileTranslations(), "en").get_template(template).render()

    assert "<script>" not in page
    assert "&#34;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_values_are_escaped() -> None:
    environment = make_environment(NullTranslations(), "en")
    rendered = environment.from_string('<a title="{{ value }}">').render(value='"><b>')
    assert rendered == '<a title="&#34;&gt;&lt;b&gt;">'


def test_an_unknown_name_is_an_error() -> None:
    environment = make_environment(NullTranslations(), "en")
    with pytest.raises(UndefinedError):
        environment.from_string("{{ nothing }}").render()


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_names_its_language(language: str) -> None:
    page = make_environment(NullTranslations(), language).get_template("home.html").render()
    assert f'<html lang="{language}">' in page
