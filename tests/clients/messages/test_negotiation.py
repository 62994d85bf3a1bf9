import pytest
from hypothesis import given
from hypothesis import strategies as st

from limen.messages import LANGUAGES, negotiate, negotiation


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("en", "en"),
        ("de", "de"),
        ("DE", "de"),
        ("de-AT", "de"),
        ("de-CH-1996", "de"),
        ("de-*-DE", "de"),
        ("fr-CA, en;q=0.5", "fr"),
        ("es-419", "es"),
        ("pt", "pt-BR"),
        ("pt-BR", "pt-BR"),
        ("pt-br", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("pt-BR-x-informal", "pt-BR"),
        ("ja-JP", "ja"),
        ("de-AT;q=0.3, fr;q=0.9", "fr"),
        ("de;q=0.3,fr;q=0.3", "de"),
        ("de ; q=0.1\t,\tja ; q=0.2", "ja"),
        ("nl, sv;q=0.9, ja;q=0.1", "ja"),
        ("nl", "en"),
        ("*", "en"),
        ("*, de;q=0.5", "de"),
        ("de;q=0.5, *;q=0.9", "de"),
        ("en;q=0, *", "de"),
        ("en;q=0, de;q=0, *;q=0.1", "fr"),
        ("de;q=0", "en"),
        ("de;q=0.000, fr;q=0.001", "fr"),
        ("de;q=0, de-AT", "en"),
        ("en;q=0, nl", "en"),
        ("pt-BR;q=0, pt", "en"),
        ("pt;q=0, pt-BR, fr;q=0.1", "pt-BR"),
        ("*;q=0", "en"),
        ("en;q=0, de;q=0, fr;q=0, es;q=0, pt;q=0, pt-BR;q=0, ja;q=0, *", "en"),
        ("de;q=1.000, fr", "de"),
        ("de;q=2, fr;q=0.1", "fr"),
        ("de;q=0.1234, fr;q=0.1", "fr"),
        ("de;q=nan, de;q=-1, de;q=1e9, fr", "fr"),
        ("de;level=1, fr", "fr"),
        (",,, ,de,,", "de"),
        ("dé, \uff44\uff45, de\n, fr", "fr"),
        ("de_DE, fr", "fr"),
        ("aaaaaaaaa, de-aaaaaaaaa, es", "es"),
        (";;;===q", "en"),
        ("\x00\ud800", "en"),
        ("../../etc/passwd", "en"),
    ],
)
def test_the_best_language_is_chosen(header, language):
    assert negotiate(header) == language


def test_an_oversized_header_means_english_and_is_not_remembered():
    negotiation._negotiate.cache_clear()
    assert negotiate("de," * 3500) == "en"
    assert negotiate("d" * 10_240) == "en"
    assert negotiation._negotiate.cache_info().currsize == 0


def test_ever_new_headers_do_not_grow_the_cache_without_bound():
    bound = negotiation._negotiate.cache_info().maxsize
    for number in range(bound + 50):
        negotiate(f"de, x-{number}")
    assert negotiation._negotiate.cache_info().currsize == bound


@given(st.text(max_size=600) | st.from_regex(r"([a-zA-Z*\-]{0,9}(;q=[0-9.]{0,5})?,){0,20}"))
def test_it_never_raises(header):
    assert negotiate(header) in LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_finds_itself(language):
    assert negotiate(language) == language
