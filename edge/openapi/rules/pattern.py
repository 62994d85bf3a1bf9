"""Regular expressions: from RE2, which `buf.validate` uses, to ECMA 262, which JSON Schema uses.

JSON Schema wants patterns that a JavaScript engine reads in Unicode mode (2020-12 core, section
6.4). The two dialects mostly agree; here stand the places where they do not.
"""

import re

_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7F",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-\/:-@\[-`\{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_OUTSIDE = {".": r"[^\n]", "]": r"\]", "{": r"\{", "}": r"\}"}
_INSIDE = {"[": r"\[", "]": r"\]"}
_SPACE = r"\t\n\f\r "
_GENERAL_CATEGORY = re.compile(r"[CLMNPSZ][a-z]?")
# Escapes that mean the same in both; in Unicode mode ECMA 262 refuses to escape anything else.
_SHARED_ESCAPES = frozenset(r"^$\.*+?()[]{}|/" + "dDwWbBfnrtv")
_CLASS = re.compile(r"\[\^?(?:\\.|[^\]\\])*\]")
_BRACED_ESCAPE = re.compile(r"\\[pPu]\{[^}]*\}")
_TOKEN = re.compile(
    r"""
      \\[pP](?:\{(?P<negated>\^?)(?P<script>\w+)\}|(?P<letter>[A-Z]))
    | \\x\{(?P<point>[0-9A-Fa-f]{1,6})\}
    | \\x[0-9A-Fa-f]{2}
    | \\(?P<octal>[0-7]{1,3})
    | \\(?P<escaped>.)
    | \[:(?P<not_posix>\^?)(?P<posix>[a-z]+):\]
    | \(\?P<(?P<name>\w+)>
    | (?P<flags>\(\?[a-zA-Z-]+[:)])
    | (?P<times>\{\d+(?:,\d*)?\})
    | (?P<plain>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def to_ecma(pattern: str) -> str | None:
    r"""Return an RE2 expression in ECMA 262, Unicode mode, or None if it cannot be said there.

    Flags such as `(?i)` and literals such as `\Q...\E` cannot.
    """
    written: list[str] = []
    in_class = False
    for token in _TOKEN.finditer(pattern):
        opened = in_class and written[-1] in ("[", "[^")
        text: str | None
        if token["plain"] is not None:
            in_class, text = _plain(token["plain"], in_class, opened)
        else:
            text = _special(token, in_class)
        if text is None:
            return None
        if text == "^" and opened and written[-1] == "[":
            written[-1] = "[^"
        else:
            written.append(text)
    return "".join(written)


def literal(text: str) -> str:
    """Return an ECMA 262 expression, Unicode mode, that matches a text and nothing else."""
    return re.sub(r"[\^$\\.*+?()\[\]{}|/]", r"\\\g<0>", text)


def accepts(pattern: str, text: str) -> bool:
    """Tell whether a result of `to_ecma` surely matches a text of plain ASCII.

    Properties such as `\\p{Lu}` are taken for classes of other characters.
    """
    simple = _BRACED_ESCAPE.sub(r"\\x00", pattern).replace("(?<", "(?P<")
    try:
        return re.search(simple, text) is not None
    except re.error:
        return False


def refuses_empty(pattern: str) -> bool:
    """Tell whether an RE2 expression fails on the empty string, or whether that is in doubt.

    No class matches the empty string, so what a class holds does not matter.
    """
    translated = to_ecma(pattern)
    return translated is None or not accepts(_CLASS.sub("x", translated), "")


def _plain(character: str, in_class: bool, opened: bool) -> tuple[bool, str]:
    """Return whether a class is open after an unescaped character, and the translation."""
    if not in_class:
        return character == "[", _OUTSIDE.get(character, character)
    if character == "]" and not opened:
        return False, "]"
    return True, _INSIDE.get(character, character)


def _special(token: re.Match[str], in_class: bool) -> str | None:
    """Return the translation of anything but a plain character."""
    if token["flags"]:
        return None
    if token["times"]:
        return token["times"]
    if token["name"]:
        return f"(?<{token['name']}>"
    if token["posix"]:
        inner = _POSIX.get(token["posix"])
        return inner if in_class and not token["not_posix"] else None
    if token["point"]:
        return rf"\u{{{token['point']}}}"
    if token["octal"]:
        return rf"\u{{{int(token['octal'], 8):x}}}"
    if token["script"] or token["letter"]:
        return _property(token)
    if token["escaped"]:
        return _escape(token["escaped"], in_class)
    return token[0]


def _property(token: re.Match[str]) -> str:
    name = token["script"] or token["letter"]
    sign = token[0][1]
    if token["negated"]:
        sign = "p" if sign == "P" else "P"
    value = name if _GENERAL_CATEGORY.fullmatch(name) else f"Script={name}"
    return rf"\{sign}{{{value}}}"


def _escape(character: str, in_class: bool) -> str | None:
    if character in _SHARED_ESCAPES:
        return rf"\{character}"
    if character == "s":
        return _SPACE if in_class else f"[{_SPACE}]"
    if character == "S":
        return None if in_class else f"[^{_SPACE}]"
    if character == "-":
        return r"\-" if in_class else "-"
    if character == "a":
        return r"\x07"
    anchors = {"A": "^", "z": "$"}
    if character in anchors:
        return anchors[character]
    return None if character.isalnum() else character
