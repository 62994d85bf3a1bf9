"""RE2 expressions in ECMA 262."""

import pytest

from edge.openapi.rules.pattern import accepts, literal, refuses_empty, to_ecma


@pytest.mark.parametrize(
    ("re2", "ecma"),
    [
        (r"^[a-z]{1,3}$", r"^[a-z]{1,3}$"),
        (r"^[^\p{Cc}\p{Zl}]*$", r"^[^\p{Cc}\p{Zl}]*$"),
        (r"\pL\PN\p{^Greek}\P{Latin}", r"\p{L}\P{N}\P{Script=Greek}\P{Script=Latin}"),
        (r"\p{^Lu}\P{^Lu}", r"\P{Lu}\p{Lu}"),
        (r"\Aabc\z", r"^abc$"),
        (r"a.c", r"a[^\n]c"),
        (r"[.]\.", r"[.]\."),
        (r"\s\S[\s-]", r"[\t\n\f\r ][^\t\n\f\r ][\t\n\f\r -]"),
        (r"(?P<year>\d{4})-(?:x)", r"(?<year>\d{4})-(?:x)"),
        (r"\x{1F600}\x21\101", r"\u{1F600}\x21\u{41}"),
        (r"\-\_\@\/[\-\]]", r"-_@\/[\-\]]"),
        (r"a{b}]", r"a\{b\}\]"),
        (r"[]a][^]a][a[b]", r"[\]a][^\]a][a\[b]"),
        (r"[[:alpha:]_]", r"[A-Za-z_]"),
        (r"[^^][$]", r"[^^][$]"),
        (r"\a", r"\x07"),
        ("\N{LATIN SMALL LETTER E WITH ACUTE}", "\N{LATIN SMALL LETTER E WITH ACUTE}"),
    ],
)
def test_what_both_can_say(re2: str, ecma: str) -> None:
    assert to_ecma(re2) == ecma


@pytest.mark.parametrize("re2", [r"(?i)a", r"(?s:a)", r"\Qa.b\E", r"\C", r"[\Sa]", r"[[:^alpha:]]"])
def test_what_ecma_cannot_say(re2: str) -> None:
    assert to_ecma(re2) is None


@pytest.mark.parametrize(
    ("re2", "refused"),
    [
        ("^a*$", False),
        ("^[^\\p{Cc}]*$", False),
        ("^[^\\p{Cc}]+$", True),
        ("^([0-9a-f]{8}|me)?$", False),
        ("[[:alpha:]]*", False),
        ("a", True),
        ("", False),
        ("(?i)a*", True),
        ("(", True),
    ],
)
def test_whether_the_empty_string_is_refused(re2: str, refused: bool) -> None:
    assert refuses_empty(re2) is refused


def test_literals_match_themselves_alone() -> None:
    text = r"a.b*c\d(e)[f]{g}|h/^i$"
    assert accepts(f"^{literal(text)}$", text)
    assert not accepts(f"^{literal(text)}$", text.replace(".", "x"))
