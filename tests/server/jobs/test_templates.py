"""Letters: complete in every language, and harmless whatever people call themselves."""

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limen.messages import LANGUAGES
from server.jobs import extraction
from server.jobs.templates import Templates, greetable, readable
from server.jobs.wording import LETTERS

LINK = "https://limen.test/verify-email?token=a-b_c&next=1"
TEMPLATES = Templates(
    service="Acme & Söhne",
    lifetimes={"verify_email": timedelta(hours=24), "reset_password": timedelta(minutes=10)},
)
GREETS = sorted(name for name, wording in LETTERS.items() if wording.greets_by_name)


class Reading(HTMLParser):
    """What a mail program makes of HTML."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.links, self.words = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join("".join(self.words).split())


def write(template, language="en", name="Ada", link=LINK):
    return TEMPLATES.write(template, language, name=name, link=link)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", LETTERS)
def test_says_the_same_as_text_and_as_html(template, language):
    letter = write(template, language)
    html = Reading(letter.html)
    assert html.links == [LINK, LINK]
    assert LINK in letter.text.splitlines()
    for line in letter.text.split("\n"):
        if line and line not in {"-- ", LINK}:
            assert " ".join(line.split()) in html.text
    assert f'<html lang="{language}">' in letter.html
    assert "Acme & Söhne" in letter.subject
    assert "%" not in letter.subject + letter.text
    assert "{" not in letter.text


@pytest.mark.parametrize("language", LANGUAGES[1:])
@pytest.mark.parametrize("template", LETTERS)
def test_is_translated(template, language):
    assert write(template, language).subject != write(template).subject
    assert write(template, language).text != write(template).text


def test_the_catalogues_hold_every_sentence_and_no_other():
    written = []
    assert extraction.main([], written.append) == 0, "".join(written)


@pytest.mark.parametrize(
    ("wanted", "spoken"),
    [("de-AT", "de"), ("pt", "pt-BR"), ("xx", "en"), ("", "en"), ("../../etc", "en"), ("DE", "de")],
)
def test_finds_the_best_language(wanted, spoken):
    assert write("verify_email", wanted) == write("verify_email", spoken)


def test_says_how_long_a_link_works():
    assert "24 hours" in write("verify_email").text
    assert "10 Minuten" in write("reset_password", "de").text
    assert "The link works" not in write("password_changed").text


def test_an_unknown_letter_is_a_defect():
    with pytest.raises(KeyError):
        write("no_such_letter")


@pytest.mark.parametrize("link", ["javascript:alert(1)", "", "//limen.test", "data:text/html,x"])
def test_a_link_must_be_one(link):
    with pytest.raises(ValueError, match="not a link"):
        write("verify_email", link=link)


@pytest.mark.parametrize("template", sorted(set(LETTERS) - set(GREETS)))
def test_strangers_cannot_write_into_letters_to_unconfirmed_addresses(template):
    assert write(template, name="Claim your prize") == write(template, name="")


@pytest.mark.parametrize("template", GREETS)
@pytest.mark.parametrize(
    "name", ["Ada", "Jean-Luc O'Neill", "J. R. R. Tolkien", "山田 太郎", "Zoë 👩🏽‍🚀"]
)
def test_greets_people_by_their_names(template, name):
    letter = write(template, name=name)
    assert letter.text.startswith(f"Hello {name},\n")
    assert f"Hello {name}," in Reading(letter.html).text


@pytest.mark.parametrize(
    "name",
    [
        "evil.example",
        "Visit www.evil.example now",
        "https://evil.example",
        "ada@evil.example",
        "evil。example",
        "<script>alert(1)</script>",
        "{{ 7 * 7 }}",
        "%(service)s",
        "x" * 61,
        "\u202e",
        "",
        " \t ",
    ],
)
def test_greets_nobody_rather_than_a_link_or_a_trick(name):
    assert write("reset_password", name=name) == write("reset_password", name="")


def test_line_breaks_in_a_name_begin_no_line():
    letter = write("reset_password", name="Ada\r\n\r\nYour account\u2028is closed")
    assert letter.text.startswith("Hello Ada Your account is closed,\n")


@given(st.text(max_size=200))
def test_a_name_never_changes_the_letter(name):
    plain, letter = write("reset_password", name=""), write("reset_password", name=name)
    assert letter.subject == plain.subject
    assert len(letter.text.splitlines()) == len(plain.text.splitlines())
    assert letter.text.splitlines()[1:] == plain.text.splitlines()[1:]
    assert Reading(letter.html).tags == Reading(plain.html).tags
    assert Reading(letter.html).links == Reading(plain.html).links


@given(st.text())
def test_readable_text_is_one_line(text):
    line = readable(text)
    assert len(line.splitlines()) <= 1
    assert line == line.strip()
    assert not re.search("[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]", line)
    assert greetable(text) in {"", line}


def test_html_needs_nothing_from_elsewhere():
    html = write("verify_email").html
    assert not re.search(r"<(img|script|link|iframe)|url\(|@import", html)
