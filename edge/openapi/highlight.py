"""JSON texts and shell commands as HTML in which the parts are told apart by colour."""

import re

from markupsafe import Markup, escape

_JSON = re.compile(
    r"""
      (?P<key>"(?:[^"\\]|\\.)*")(?=\s*:)
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<word>\b(?:true|false|null)\b)
    """,
    re.VERBOSE,
)
_SHELL = re.compile(
    r"""
      (?P<word>^curl\b)
    | (?P<key>(?<=\s)--[a-z-]+)
    | (?P<string>'[^']*'|"[^"]*")
    """,
    re.VERBOSE,
)


def json_text(text: str) -> Markup:
    """Return a JSON text as HTML."""
    return _marked(_JSON, text)


def shell_command(text: str) -> Markup:
    """Return a command as HTML."""
    return _marked(_SHELL, text)


def _marked(pattern: re.Pattern[str], text: str) -> Markup:
    pieces: list[Markup] = []
    end = 0
    for match in pattern.finditer(text):
        mark = Markup('<span class="code-{}">{}</span>').format(match.lastgroup, match[0])
        pieces += [escape(text[end : match.start()]), mark]
        end = match.end()
    return Markup("").join([*pieces, escape(text[end:])])
