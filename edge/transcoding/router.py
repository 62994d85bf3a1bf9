"""Finds the binding for a method and a path."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import unquote

from edge.transcoding.template import ONE, REST, Template

T = TypeVar("T")

ANY_METHOD = "*"


@dataclass(slots=True)
class _Node(Generic[T]):
    """What the paths that begin alike go on with."""

    literals: "dict[str, _Node[T]]" = field(default_factory=dict)
    one: "_Node[T] | None" = None
    ends: dict[str, dict[str, T]] = field(default_factory=dict)
    """By verb, then by method: what ends here."""
    rests: dict[str, dict[str, T]] = field(default_factory=dict)
    """The same for what takes all segments that are left."""


@dataclass(frozen=True, slots=True)
class Match(Generic[T]):
    """Where a path leads."""

    target: T
    segments: list[str]
    """The segments of the path as they came, percent-encoded, without the verb."""


class Router(Generic[T]):
    """A routing table. In each segment a literal goes before `*`, and `*` before `**`.

    A `:verb` at the end of a path is one only where some binding has it; elsewhere the colon is
    part of the last segment. Percent-encoding it makes it part of the segment everywhere.
    """

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._verbs: set[str] = set()

    def add(self, method: str, template: Template, target: T) -> None:
        """Bind `target` to a method and a path.

        Raises:
            ValueError: Something is bound there already.
        """
        node = self._root
        fixed = [segment for segment in template.segments if segment != REST]
        for segment in fixed:
            if segment == ONE:
                node.one = node.one or _Node()
                node = node.one
            else:
                node = node.literals.setdefault(unquote(segment), _Node())
        ends = node.rests if len(fixed) < len(template.segments) else node.ends
        methods = ends.setdefault(template.verb, {})
        if method in methods:
            raise ValueError(f"{method} {template.text} is bound twice")
        methods[method] = target
        self._verbs.add(template.verb)

    def match(self, method: str, path: str) -> Match[T] | None:
        """Find the most specific binding of `method` for `path`, which is percent-encoded."""
        for segments, verb in self._readings(path):
            decoded = _decoded(segments)
            target = _seek(self._root, decoded, 0, verb, method)
            if target is not None:
                return Match(target, segments)
            if verb and any(_walk(self._root, decoded, 0, verb)):
                # It is a verb, though not for this method: then it is nothing else.
                return None
        return None

    def methods(self, path: str) -> set[str]:
        """Return the methods that are bound for `path`, which is percent-encoded."""
        for segments, verb in self._readings(path):
            found: set[str] = set().union(*_walk(self._root, _decoded(segments), 0, verb))
            if found:
                return found
        return set()

    def _readings(self, path: str) -> Iterator[tuple[list[str], str]]:
        """Yield how a path can be read: its segments and its verb, if it may have one, first."""
        segments = path.split("/")
        del segments[0]
        if ":" in path and segments:
            head, _, verb = segments[-1].rpartition(":")
            if verb and verb in self._verbs:
                yield [*segments[:-1], head], verb
        yield segments, ""


def _decoded(segments: list[str]) -> list[str]:
    return [unquote(each) if "%" in each else each for each in segments]


def _seek(node: _Node[T], segments: list[str], at: int, verb: str, method: str) -> T | None:
    """Return the first of what `_walk` yields that has the method; this one is fast."""
    found = None
    if at == len(segments):
        found = _bound(node.ends, verb, method)
    else:
        literal = node.literals.get(segments[at])
        if literal is not None:
            found = _seek(literal, segments, at + 1, verb, method)
        if found is None and node.one is not None and segments[at]:
            found = _seek(node.one, segments, at + 1, verb, method)
    return found if found is not None else _bound(node.rests, verb, method)


def _bound(ends: dict[str, dict[str, T]], verb: str, method: str) -> T | None:
    methods = ends.get(verb)
    return None if methods is None else methods.get(method) or methods.get(ANY_METHOD)


def _walk(node: _Node[T], segments: list[str], at: int, verb: str) -> Iterator[dict[str, T]]:
    """Yield what `segments` lead to from `node` on, by method, the most specific first."""
    if at == len(segments):
        if verb in node.ends:
            yield node.ends[verb]
    else:
        literal = node.literals.get(segments[at])
        if literal is not None:
            yield from _walk(literal, segments, at + 1, verb)
        if node.one is not None and segments[at]:
            yield from _walk(node.one, segments, at + 1, verb)
    if verb in node.rests:
        yield node.rests[verb]
