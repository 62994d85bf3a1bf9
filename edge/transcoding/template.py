"""Path templates: the grammar of `google/api/http.proto`.

Template  = "/" Segments [ ":" LITERAL ]
Segments  = Segment { "/" Segment }
Segment   = "*" | "**" | LITERAL | "{" FieldPath [ "=" Segments ] "}"
FieldPath = IDENT { "." IDENT }
"""

import re
from dataclasses import dataclass

ONE = "*"
"""Matches one segment that is not empty."""
REST = "**"
"""Matches all segments that are left, also none."""

_LITERAL = r"[A-Za-z0-9\-._~%!$&'()+,;=@]+"
_VARIABLE = re.compile(r"\{([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?:=([^{}]+))?\}", re.ASCII)
_SEGMENT = re.compile(rf"\*\*|\*|{_LITERAL}")
_VERB = re.compile(rf"(?<=[^/]):({_LITERAL})$")
_SLASHES_OUTSIDE_BRACES = re.compile(r"/(?![^{}]*\})")


class TemplateError(ValueError):
    """A path template breaks the grammar. The text says where."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A part of the path that fills a field."""

    path: str
    """The field path in proto names, such as `user.user_id`."""
    start: int
    """The first segment of the path that belongs to it."""
    stop: int | None
    """The segment after its last; None if it takes all that are left."""
    is_multi: bool
    """Whether it holds several segments, so that an encoded `/` in it stays encoded."""


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed path template."""

    text: str
    segments: tuple[str, ...]
    """Literal segments, percent-encoded, and the markers `ONE` and `REST`."""
    verb: str
    """What follows the colon; empty if nothing does."""
    variables: tuple[Variable, ...]


def parse(text: str) -> Template:
    """Read a path template.

    Raises:
        TemplateError: It breaks the grammar, names a variable twice or goes on after `**`.
    """
    if not text.startswith("/"):
        raise TemplateError(f"{text!r} does not begin with '/'")
    verb = _VERB.search(text)
    path = text[: verb.start()] if verb else text
    segments: list[str] = []
    variables: list[Variable] = []
    for part in _SLASHES_OUTSIDE_BRACES.split(path[1:]):
        match = _VARIABLE.fullmatch(part)
        inner = (match[2] or ONE).split("/") if match else [part]
        start = len(segments)
        segments.extend(_segment(each, text) for each in inner)
        if match:
            stop = None if inner[-1] == REST else len(segments)
            is_multi = len(inner) > 1 or stop is None
            variables.append(Variable(match[1], start, stop, is_multi))
    _check(text, segments, variables)
    return Template(text, tuple(segments), verb[1] if verb else "", tuple(variables))


def _segment(segment: str, template: str) -> str:
    if not _SEGMENT.fullmatch(segment):
        raise TemplateError(f"{template!r}: {segment!r} is not a path segment")
    return segment


def _check(text: str, segments: list[str], variables: list[Variable]) -> None:
    if REST in segments[:-1]:
        raise TemplateError(f"{text!r} goes on after '**'")
    paths = [variable.path for variable in variables]
    if len(set(paths)) != len(paths):
        raise TemplateError(f"{text!r} names a variable twice")
