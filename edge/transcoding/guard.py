"""Finds in a tree of JSON what the converter would let pass, or would choke on later.

That is: a field given under both of its names, two members of one `oneof`, numbers in quotation
marks that are no JSON numbers, numbers beyond all bounds where any JSON may stand, map keys in a
second spelling, and nesting that Protobuf's parsers refuse. It says only whether all is well;
`diagnosis` finds out what is not.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Protocol

from protobuf import (
    DescEnum,
    DescField,
    DescFieldValueEnum,
    DescFieldValueList,
    DescFieldValueMap,
    DescFieldValueMessage,
    DescFieldValueScalar,
    DescMessage,
    Registry,
    ScalarType,
)

from edge.transcoding import kinds
from edge.transcoding.strict_json import JsonValue

DEEPEST = 90
"""How many messages may hold each other on the wire.

Protobuf's parsers refuse more than 100; the rest is left to answers that wrap what was sent.
"""

# A value inside a Struct takes three messages: the entry of the map, the Value and its Struct.
_MESSAGES_PER_LEVEL = 3


class Shape(Protocol):
    """What can be wrong with a JSON value although each of its parts is right."""

    def admits(self, value: JsonValue, depth: int) -> bool:
        """Return whether nothing is; `depth` counts the messages around the value."""


_Check = Callable[[JsonValue, int], bool]


@dataclass(frozen=True, slots=True)
class _Watch:
    """What there is to look at in one member of an object."""

    field: int
    """A bit of its own for each field."""
    oneof: int
    """A bit for the `oneof` that the field belongs to, or 0."""
    null_counts: bool
    """Whether null is a value, and not the absence of one."""
    admits: _Check | None


class Guard:
    """Knows the shapes of the messages of a contract."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._shapes: dict[str, Shape] = {}

    def shape(self, message: DescMessage) -> Shape:
        """Return the shape of a message. It is worked out when it is first asked for."""
        name = message.type_name
        known = self._shapes.get(name)
        if known is not None:
            return known
        if name in kinds.FREE_FORM:
            return self._shapes.setdefault(name, _FreeForm())
        if name == kinds.ANY:
            return self._shapes.setdefault(name, _Any(self))
        # Known before its fields are looked at, for these may lead back to the message.
        shape = self._shapes[name] = _Fields()
        if name not in kinds.TEXTUAL and name not in kinds.WRAPPED:
            shape.watched.update(self._watches(message))
        shape.is_complete = True
        return shape

    def named(self, type_url: str) -> DescMessage | None:
        """Return the message that the `@type` of an Any names, if the contract has it."""
        return self._registry.message(type_url.rpartition("/")[2])

    def _watches(self, message: DescMessage) -> Iterator[tuple[str, _Watch]]:
        oneofs = {oneof.name: 1 << place for place, oneof in enumerate(message.oneofs)}
        for place, field in enumerate(message.fields, len(oneofs)):
            oneof = getattr(field.value, "oneof", None)
            watch = _Watch(
                field=1 << place,
                oneof=oneofs[oneof.name] if oneof is not None else 0,
                null_counts=null_counts(field),
                admits=self._check(field),
            )
            if watch.oneof or watch.admits or field.name != field.json_name:
                yield field.name, watch
                yield field.json_name, watch

    def _check(self, field: DescField) -> _Check | None:
        match field.value:
            case DescFieldValueMap(key=key, value=kind):
                return _entries(key, self._check_kind(kind))
            case DescFieldValueList(element=kind):
                return _elements(self._check_kind(kind))
            case DescFieldValueScalar() | DescFieldValueEnum() | DescFieldValueMessage():
                return self._check_kind(kinds.kind_of(field))

    def _check_kind(self, kind: kinds.Kind) -> _Check | None:
        if kinds.is_number(kind):
            return _is_number
        if not isinstance(kind, DescMessage):
            return None
        shape = self.shape(kind)
        if isinstance(shape, _Fields) and shape.is_complete and not shape.watched:
            return None
        return _one_deeper(shape)


def null_counts(field: DescField) -> bool:
    """Return whether null is a value of the field, and not the absence of one."""
    match field.value:
        case DescFieldValueEnum(enum=DescEnum(type_name=name)):
            return name == kinds.NULL_VALUE
        case DescFieldValueMessage(message=DescMessage(type_name=name)):
            return name == kinds.VALUE
        case _:
            return False


class _Fields:
    """The shape of a message with fields."""

    __slots__ = ("is_complete", "watched")

    def __init__(self) -> None:
        self.watched: dict[str, _Watch] = {}
        self.is_complete = False

    def admits(self, value: JsonValue, depth: int) -> bool:
        if depth > DEEPEST:
            return False
        # What is no object at all is for the converter to refuse.
        if type(value) is not dict:
            return True
        seen = 0
        for name, inner in value.items():
            watch = self.watched.get(name)
            if watch is None:
                continue
            bits = watch.field
            if inner is not None or watch.null_counts:
                bits |= watch.oneof
            if seen & bits:
                return False
            seen |= bits
            if watch.admits is not None and not watch.admits(inner, depth):
                return False
        return True


class _FreeForm:
    """The shape of a message that holds any JSON."""

    def admits(self, value: JsonValue, depth: int) -> bool:
        if depth > DEEPEST:
            return False
        if type(value) is dict:
            value = value.values()
        elif type(value) is not list:
            return type(value) is not float or isfinite(value)
        return all(self.admits(inner, depth + _MESSAGES_PER_LEVEL) for inner in value)


class _Any:
    """The shape of a `google.protobuf.Any`: that of the message it holds."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def admits(self, value: JsonValue, depth: int) -> bool:
        if depth > DEEPEST:
            return False
        type_url = value.get("@type") if type(value) is dict else None
        message = self._guard.named(type_url) if type(type_url) is str else None
        if message is None:
            return True
        shape = self._guard.shape(message)
        inner = value.get("value") if not isinstance(shape, _Fields) else value
        return shape.admits(inner, depth + 1)


def _one_deeper(shape: Shape) -> _Check:
    admits = shape.admits
    return lambda value, depth: admits(value, depth + 1)


def _elements(check: _Check | None) -> _Check | None:
    if check is None:
        return None
    return lambda value, depth: (
        type(value) is not list or all(check(inner, depth) for inner in value)
    )


def _entries(key: ScalarType, check: _Check | None) -> _Check | None:
    if key is ScalarType.STRING and check is None:
        return None

    def admits(value: JsonValue, depth: int) -> bool:
        if type(value) is not dict:
            return True
        if not all(kinds.is_key(key, name) for name in value):
            return False
        # The entry itself is a message, too.
        return check is None or all(check(inner, depth + 1) for inner in value.values())

    return admits


def _is_number(value: JsonValue, _depth: int) -> bool:
    return type(value) is not str or kinds.is_number_text(value)
