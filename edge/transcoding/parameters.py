"""Reads values that come as plain text: in the path and in the query."""

import re

from protobuf import DescEnum, DescField, DescFieldValueMap, DescMessage, ScalarType

from edge.transcoding import kinds
from edge.transcoding.conversion import Converter
from edge.transcoding.strict_json import JsonValue

_ENUM_NUMBER = re.compile(r"-?[0-9]{1,10}")
_SNAKE = re.compile(r"_([a-z0-9])")


class Parameters:
    """Reads the text of parameters."""

    def __init__(self, converter: Converter) -> None:
        self._converter = converter

    def read(self, field: DescField, text: str) -> JsonValue:
        """Return the JSON that says what `text` says, for a field that `is_textual`.

        Raises:
            ValueError: The field cannot hold that.
        """
        kind = _unwrapped(kinds.kind_of(field))
        if kind is ScalarType.STRING:
            return text
        value = _as_json(kind, text)
        if not self._converter.can_hold(field, value):
            raise ValueError(text)
        return value


def is_textual(field: DescField) -> bool:
    """Return whether a value of the field can be given as plain text."""
    if isinstance(field.value, DescFieldValueMap):
        return False
    kind = kinds.kind_of(field)
    if isinstance(kind, DescMessage):
        return kind.type_name in kinds.WRAPPED or kind.type_name in kinds.TEXTUAL
    return True


def _unwrapped(kind: kinds.Kind) -> kinds.Kind:
    if isinstance(kind, DescMessage):
        return kinds.WRAPPED.get(kind.type_name, kind)
    return kind


def _as_json(kind: kinds.Kind, text: str) -> JsonValue:
    if kind is ScalarType.BOOL:
        return {"true": True, "false": False}.get(text, text)
    if isinstance(kind, DescEnum) and _ENUM_NUMBER.fullmatch(text):
        return int(text)
    if isinstance(kind, DescMessage) and kind.type_name == kinds.FIELD_MASK:
        # Both spellings are accepted for fields, so they are for their names as values.
        return _SNAKE.sub(lambda match: match[1].upper(), text)
    if kinds.is_number(kind) and not kinds.is_number_text(text):
        raise ValueError(text)
    return text
