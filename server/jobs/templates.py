"""Writes letters in the language of their reader, as plain text and as HTML."""

import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

from babel.dates import format_timedelta
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from limen.messages import Catalogue, negotiate
from limen.messages.catalogue import posix_name
from limen.messages.sentences import Sentence
from server.jobs.wording import (
    FALLBACK,
    FOOTER,
    GREETING,
    LETTERS,
    LIFETIME,
    NAMELESS_GREETING,
    Wording,
)

_CATALOGUE = Catalogue("mail")
_LONGEST_NAME = 60
# What joins letters into one sign, in emoji and in Persian or Indic names.
_JOINERS = "\u200c\u200d"
# What separates the labels of a domain name (RFC 3490, section 3.1).
_DOTS = ".\u3002\uff0e\uff61"


class Written(NamedTuple):
    """A letter, ready to be sent."""

    subject: str
    text: str
    html: str


class Templates:
    """Writes the letters of `wording.LETTERS`."""

    def __init__(self, *, service: str, lifetimes: Mapping[str, timedelta]) -> None:
        """`service` is what the sender is called; `lifetimes` says how long which link works."""
        self._service = readable(service)
        self._lifetimes = lifetimes
        self._layouts = Environment(
            loader=PackageLoader("server.jobs", "layouts"),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def write(self, template: str, language: str, *, name: str, link: str) -> Written:
        """Writes the letter `template` in the best language there is for the tag `language`.

        `name` is what a user calls themself and may be hostile: it becomes one line of harmless
        text, or is left out. Raises `KeyError` for an unknown template, and `ValueError` when
        `link` is not a web address.
        """
        if not link.startswith(("https://", "http://")):
            raise ValueError("not a link")
        wording = LETTERS[template]
        spoken = negotiate(language)
        speech = _Speech(spoken, {"service": self._service})
        letter = {
            "language": spoken,
            "service": self._service,
            "subject": speech(wording.subject),
            "greeting": _greeting(speech, wording, name),
            "before": [speech(sentence) for sentence in wording.before],
            "button": speech(wording.button),
            "link": link,
            "fallback": speech(FALLBACK),
            "after": [*self._lifetime(speech, template), *map(speech, wording.after)],
            "footer": speech(FOOTER),
        }
        return Written(
            subject=speech(wording.subject),
            text=self._layouts.get_template("letter.txt").render(letter),
            html=self._layouts.get_template("letter.html").render(letter),
        )

    def _lifetime(self, speech: "_Speech", template: str) -> list[str]:
        lifetime = self._lifetimes.get(template)
        return [] if lifetime is None else [speech(LIFETIME, time=speech.time(lifetime))]


class _Speech:
    """Says sentences in one language."""

    def __init__(self, language: str, known: Mapping[str, str]) -> None:
        self._translations = _CATALOGUE.translations(language)
        self._locale = posix_name(language)
        self._known = known

    def __call__(self, sentence: Sentence, **more: str) -> str:
        said = sentence.say(self._translations, {**self._known, **more})
        if said is None:
            raise KeyError(sentence.text)
        return said

    def time(self, length: timedelta) -> str:
        return format_timedelta(length, granularity="minute", threshold=2, locale=self._locale)


def readable(text: str) -> str:
    """The text as one line, without control characters or marks that turn its direction."""
    shown = (
        " " if unicodedata.category(sign) in {"Cc", "Zl", "Zp"} else sign
        for sign in text
        if sign in _JOINERS or unicodedata.category(sign) not in {"Cf", "Cs", "Co", "Cn"}
    )
    return " ".join("".join(shown).split())


def greetable(name: str) -> str:
    """A name that mail programs will not take for a link or an advertisement; else nothing."""
    line = readable(name)
    if len(line) > _LONGEST_NAME or any(sign in "/\\:@<>[](){}#%=&?" for sign in line):
        return ""
    joined_by_dot = any(dot in _DOTS and sign.isalnum() for dot, sign in pairwise(line))
    return "" if joined_by_dot else line


def _greeting(speech: _Speech, wording: Wording, name: str) -> str:
    shown = greetable(name) if wording.greets_by_name else ""
    return speech(GREETING, name=shown) if shown else speech(NAMELESS_GREETING)
