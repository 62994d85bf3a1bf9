"""Finds everything that is wrong with a tree of JSON, and where. Slow, and run on failure alone."""

import json
from collections.abc import Iterator

from protobuf import (
    DescEnum,
    DescField,
    DescFieldValueList,
    DescFieldValueMap,
    DescMessage,
    ScalarType,
)

from edge.transcoding import kinds
from edge.transcoding.conversion import Converter
from edge.transcoding.fault import FieldFault
from edge.transcoding.fields import Fields
from edge.transcoding.guard import DEEPEST, Guard, null_counts
from edge.transcoding.places import Place
from edge.transcoding.strict_json import JsonValue, repeated, too_deep

_MANY = 500


class Diagnosis:
    """Explains why a tree of JSON is not a message."""

    def __init__(self, converter: Converter, guard: Guard, fields: Fields) -> None:
        self._converter = converter
        self._guard = guard
        self._fields = fields

    def message(
        self, message: DescMessage, tree: JsonValue, place: Place, depth: int = 0
    ) -> Iterator[FieldFault]:
        """Yield what is wrong with `tree`, which is at `place`, within `depth` other messages."""
        if depth > DEEPEST:
            yield too_deep(place)
        elif kinds.has_own_json(message):
            yield unfit(message, place)
        elif not isinstance(tree, dict):
            yield wrong_type(place, "an object")
        else:
            yield from self._members(message, tree, place, depth)

    def _members(
        self, message: DescMessage, tree: dict[str, JsonValue], place: Place, depth: int
    ) -> Iterator[FieldFault]:
        fields = self._fields.by_name(message)
        given: set[str] = set()
        chosen: set[str] = set()
        for name, value in tree.items():
            field = fields.get(name)
            if field is None:
                yield _unknown(place.member(name))
                continue
            at = place.member(field.json_name)
            if field.name in given:
                yield repeated(at)
            given.add(field.name)
            if value is None and not null_counts(field):
                continue
            oneof = getattr(field.value, "oneof", None)
            if oneof is not None:
                if oneof.name in chosen:
                    yield _second_choice(at, oneof.name)
                chosen.add(oneof.name)
            yield from self._field(field, value, at, depth)

    def _field(
        self, field: DescField, value: JsonValue, place: Place, depth: int
    ) -> Iterator[FieldFault]:
        match field.value:
            case DescFieldValueList():
                if not isinstance(value, list):
                    yield wrong_type(place, "an array")
                    return
                yield from self._elements(field, value, place, depth)
            case DescFieldValueMap(key=key):
                if not isinstance(value, dict):
                    yield wrong_type(place, "an object")
                    return
                for name, inner in value.items():
                    yield from self._entry(field, key, name, inner, place.entry(name), depth)
            case _:
                yield from self._value(field, value, place, depth)

    def _elements(
        self, field: DescField, values: list[JsonValue], place: Place, depth: int
    ) -> Iterator[FieldFault]:
        # Looking at each value takes far longer than looking at many that are right at once.
        for start in range(0, len(values), _MANY):
            some = values[start : start + _MANY]
            if not self._are_plain_and_right(field, some):
                for index, inner in enumerate(some, start):
                    yield from self._value(field, inner, place.item(index), depth)

    def _are_plain_and_right(self, field: DescField, values: list[JsonValue]) -> bool:
        kind = kinds.kind_of(field)
        return (
            not isinstance(kind, DescMessage)
            and not any(_is_odd_number(kind, value) for value in values)
            and self._converter.can_hold_all(field, values)
        )

    def _entry(
        self,
        field: DescField,
        key: ScalarType,
        name: str,
        value: JsonValue,
        place: Place,
        depth: int,
    ) -> Iterator[FieldFault]:
        if _is_broken(name):
            yield _broken_text(place)
        elif not kinds.is_key(key, name):
            yield wrong_type(place, f"an entry whose key is {kinds.expected(key)}")
        else:
            yield from self._value(field, value, place, depth + 1)

    def _value(
        self, field: DescField, value: JsonValue, place: Place, depth: int
    ) -> Iterator[FieldFault]:
        kind = kinds.kind_of(field)
        content = self._content(kind, value)
        if content is not None:
            yield from self.message(*content, place, depth + 1)
        elif isinstance(kind, DescMessage) and not self._guard.shape(kind).admits(value, depth + 1):
            yield unfit(kind, place) if _is_endless(value) else too_deep(place)
        elif _is_odd_number(kind, value) or not self._converter.can_hold(field, value):
            yield _broken_text(place) if _is_broken(value) else unfit(kind, place)

    def _content(self, kind: kinds.Kind, value: JsonValue) -> tuple[DescMessage, JsonValue] | None:
        """The message that can be looked into, with its JSON; None if there is nothing to see."""
        if not isinstance(kind, DescMessage):
            return None
        if not kinds.has_own_json(kind):
            return kind, value
        if kind.type_name == kinds.ANY and isinstance(value, dict):
            held = self._guard.named(str(value.get("@type")))
            if held is not None and not kinds.has_own_json(held):
                return held, {name: inner for name, inner in value.items() if name != "@type"}
        return None


def _is_odd_number(kind: kinds.Kind, value: JsonValue) -> bool:
    return kinds.is_number(kind) and isinstance(value, str) and not kinds.is_number_text(value)


def _is_broken(value: JsonValue) -> bool:
    """Return whether text holds half of a surrogate pair, which UTF-8 cannot say."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    except RecursionError:
        # Such a value is unfit whatever its texts hold.
        return False
    return False


def _is_endless(value: JsonValue) -> bool:
    """Return whether a number in a value of moderate depth is beyond all bounds."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return True
    except RecursionError:
        return False
    return False


def unfit(kind: kinds.Kind, place: Place) -> FieldFault:
    """The fault of a value that is none of its kind."""
    rule = "json.enum" if isinstance(kind, DescEnum) else "json.type"
    return wrong_type(place, kinds.expected(kind), rule)


def wrong_type(place: Place, expected: str, rule: str = "json.type") -> FieldFault:
    """The fault of a value that its field cannot hold."""
    return FieldFault(str(place), rule, f"must be {expected}", {"expected": expected})


def _unknown(place: Place) -> FieldFault:
    return FieldFault(str(place), "json.unknown_field", "is not a field")


def _second_choice(place: Place, oneof: str) -> FieldFault:
    return FieldFault(
        str(place), "json.oneof", f"is one of several choices of {oneof}, of which one may be set"
    )


def _broken_text(place: Place) -> FieldFault:
    return FieldFault(str(place), "json.encoding", "holds half of a surrogate pair")
