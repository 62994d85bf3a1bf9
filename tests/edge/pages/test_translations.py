import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import PoFileError, read_po

from edge.pages.languages import DEFAULT_LANGUAGE, LANGUAGES
from edge.pages.rendering import TEMPLATE_DIRECTORY
from edge.pages.translations import CATALOGUE_DIRECTORY, load_translations

TRANSLATED = [language for language in LANGUAGES if language != DEFAULT_LANGUAGE]


def read_catalogue(language: str) -> Catalog:
    with (CATALOGUE_DIRECTORY / f"{language}.po").open("rb") as file:
        return read_po(file, abort_invalid=True)


@pytest.fixture(scope="module")
def messages() -> set[str]:
    found = extract_from_dir(TEMPLATE_DIRECTORY, method_map=[("**.html", "jinja2")])
    return {str(message) for _, _, message, _, _ in found}


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", text))


def test_there_is_a_catalogue_for_each_language_and_no_other() -> None:
    assert {path.stem for path in CATALOGUE_DIRECTORY.glob("*.po")} == set(TRANSLATED)


@pytest.mark.parametrize("language", TRANSLATED)
def test_catalogue_holds_exactly_the_texts_of_the_templates(
    language: str, messages: set[str]
) -> None:
    catalogue = read_catalogue(language)

    assert {message.id for message in catalogue if message.id} == messages
    assert not catalogue.obsolete


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated(language: str) -> None:
    for message in read_catalogue(language):
        assert not (message.id and message.fuzzy)
        assert isinstance(message.string, str)
        assert message.string.strip()
        assert placeholders(message.string) == placeholders(str(message.id))


def test_english_is_the_text_itself() -> None:
    assert load_translations("en").gettext("Sign in") == "Sign in"


def test_translation_is_found() -> None:
    assert load_translations("de").gettext("Sign in") == "Anmelden"
    assert load_translations("pt-BR").gettext("Sign in") == "Entrar"


def test_missing_catalogue_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_translations("de", tmp_path)


def test_malformed_catalogue_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "de.po").write_text("these are not messages\n")
    with pytest.raises(PoFileError):
        load_translations("de", tmp_path)
