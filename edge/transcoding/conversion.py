"""Turns trees of JSON into messages."""

from collections.abc import Sequence
from typing import Any

from protobuf import (
    DescField,
    DescFieldValueList,
    DescFieldValueMap,
    DescMessage,
    Message,
    Registry,
    ScalarType,
    message_from_json_value,
)

from edge.transcoding.strict_json import JsonValue

FAILURES = (ValueError, TypeError, ArithmeticError, RecursionError)
"""What the converter raises on input that is not ProtoJSON for the type."""

_SOME_KEY = {ScalarType.BOOL: "true", ScalarType.STRING: ""}
_SOME_NUMBER = "0"


class Converter:
    """Turns trees of JSON into messages, by the ProtoJSON rules of the contract's types."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def message(self, message: DescMessage, tree: JsonValue) -> Message[Any]:
        """Return the message that `tree` says.

        That is not yet sure to be one: some texts and numbers fail when it is serialized, likewise
        with one of `FAILURES`.

        Raises:
            One of `FAILURES`: `tree` does not say such a message.
        """
        return message_from_json_value(message.type, tree, registry=self._registry)

    def can_hold(self, field: DescField, value: JsonValue) -> bool:
        """Return whether a field can hold a value: one value, for a list or a map."""
        return self._can_be(field, _enclosed(field, value))

    def can_hold_all(self, field: DescField, values: Sequence[JsonValue]) -> bool:
        """Return whether a list can hold several values."""
        return self._can_be(field, values)

    def _can_be(self, field: DescField, value: JsonValue) -> bool:
        try:
            # Half a surrogate pair and an enum beyond 32 bits show up on the wire alone.
            self.message(field.parent, {field.json_name: value}).to_binary()
        except FAILURES:
            return False
        return True


def _enclosed(field: DescField, value: JsonValue) -> JsonValue:
    match field.value:
        case DescFieldValueList():
            return [value]
        case DescFieldValueMap(key=key):
            return {_SOME_KEY.get(key, _SOME_NUMBER): value}
        case _:
            return value
