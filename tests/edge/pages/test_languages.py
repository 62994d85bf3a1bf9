import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.pages.languages import LANGUAGES, negotiate_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("*", "en"),
        ("de", "de"),
        ("DE-at", "de"),
        ("pt", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("zh-Hant, ja;q=0.1", "ja"),
        ("zh", "en"),
        ("en;q=0.2, fr;q=0.9, de;q=0.4", "fr"),
        ("es;q=0.5, fr;q=0.5", "es"),
        ("de;q=0", "en"),
        ("de;q=0, fr;q=0.001", "fr"),
        ("de ; Q=0.8 , fr ; q=0.9", "fr"),
        ("de;q=2, fr;q=0.1", "fr"),
        ("de;q=nan, fr;q=x, es;level=1, ja;q=0.1", "ja"),
        (";q=1,,;,de;q=0.3", "de"),
    ],
)
def test_language_for_header(header: str | None, language: str) -> None:
    assert negotiate_language(header) == language


@given(st.text())
def test_any_header_has_a_language(header: str) -> None:
    assert negotiate_language(header) in LANGUAGES


def test_only_the_start_of_a_long_header_is_read() -> None:
    assert negotiate_language("xx," * 31 + "de") == "de"
    assert negotiate_language("xx," * 100_000 + "de") == "en"
