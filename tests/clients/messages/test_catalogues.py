import re
from gettext import GNUTranslations

import pytest
from babel.messages.pofile import PoFileError

from limen.messages import LANGUAGES, Catalogue, catalogue, extraction

TRANSLATED = LANGUAGES[1:]
PLACEHOLDER = re.compile(r"%\(\w+\)s")
# Sentences that rightly read the same in another language.
SAME_AS_SOURCE = frozenset()


@pytest.fixture(scope="module")
def template():
    return extraction.extract()


def forms(message):
    sources = [message.id] if isinstance(message.id, str) else list(message.id)
    texts = [message.string] if isinstance(message.string, str) else list(message.string)
    return sources, texts


def messages(language):
    return [message for message in extraction.read(language) if message.id]


def test_the_sentences_of_every_module_are_found(template):
    assert "Not found" in template
    assert "This is not valid JSON." in template
    assert (
        "Please enter at least %(count)s character.",
        "Please enter at least %(count)s characters.",
    ) in template


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_catalogue_is_complete_and_sound(template, language):
    assert list(extraction.faults(template, extraction.read(language))) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_its_source(language):
    for message in messages(language):
        sources, texts = forms(message)
        assert not set(sources) & set(texts) - SAME_AS_SOURCE


@pytest.mark.parametrize("language", TRANSLATED)
def test_placeholders_and_full_stops_are_kept(language):
    for message in messages(language):
        sources, texts = forms(message)
        for text in texts:
            assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(sources[0]))
            assert text.endswith((".", "。")) == sources[0].endswith("."), text
            assert text == text.strip()


@pytest.mark.parametrize("language", TRANSLATED)
def test_an_update_without_new_sentences_changes_nothing(template, language, tmp_path, monkeypatch):
    before = extraction.path(language).read_bytes()
    copy = tmp_path / "limen.po"
    copy.write_bytes(before)
    monkeypatch.setattr(extraction, "path", lambda _: copy)
    extraction.update(template, language)
    assert copy.read_bytes() == before


def test_faults_are_named_and_an_update_brings_the_sentences_in_line(
    template, tmp_path, monkeypatch
):
    catalog = extraction.read("de")
    del catalog["Not found"]
    catalog.add("Gone from the code", "Nicht mehr im Code")
    catalog["Not allowed"].flags.add("fuzzy")
    precise = "You need the permission “%(permission)s” for this."
    catalog[precise].string = "Ohne %(falsch)s."
    found = list(extraction.faults(template, catalog))
    assert [fault.split(":")[0] for fault in found[:3]] == [
        "not translated",
        "fuzzy",
        "no longer in the code",
    ]
    assert any("placeholder" in fault and precise in fault for fault in found)

    monkeypatch.setattr(extraction, "path", lambda language: tmp_path / language / "limen.po")
    lines = []
    assert extraction.main(["--update"], lines.append) == 1
    assert "de: not translated: 'Not found'\n" in lines


def test_the_check_passes_on_this_checkout():
    lines = []
    assert extraction.main([], lines.append) == 0
    assert lines == []


def test_translations_are_read_once():
    catalogue._read.cache_clear()
    Catalogue("limen").warm()
    assert Catalogue("limen").translations("ja") is Catalogue("limen").translations("ja")
    assert catalogue._read.cache_info().misses == len(LANGUAGES)


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_know_their_language(language):
    translations = Catalogue("limen").translations(language)
    assert isinstance(translations, GNUTranslations)
    assert translations.info()["language"] == language.replace("-", "_")


@pytest.mark.parametrize("language", ["en", "", "nl", "../../de", "de_DE"])
def test_any_other_language_gives_the_source(language):
    assert Catalogue("limen").translations(language).gettext("Not found") == "Not found"


def test_a_domain_without_catalogues_is_an_error_of_the_programmer():
    with pytest.raises(FileNotFoundError):
        Catalogue("no-such-domain").translations("de")


def test_a_broken_catalogue_is_refused(tmp_path, monkeypatch):
    broken = tmp_path / "limen.po"
    broken.write_text('msgid "a"\nnonsense\n', encoding="utf-8")
    monkeypatch.setattr(extraction, "path", lambda _: broken)
    with pytest.raises(PoFileError):
        extraction.read("de")
