"""Requests as a log may show them: what the contract marks secret or personal is left out."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from limen.options.v1 import options_pb2

HIDDEN = "[redacted]"

_LONGEST_TEXT = 200
_MOST_ITEMS = 20


class Redaction:
    """Turns requests into plain values without secrets (`debug_redact`) and personal data."""

    def __init__(self) -> None:
        self._hidden: dict[str, frozenset[str]] = {}

    def shown(self, message: Message) -> dict[str, Any]:
        """The fields that are set, by name. Long texts and lists are cut."""
        hidden = self._hidden_fields(message.DESCRIPTOR)
        return {
            field.name: HIDDEN if field.name in hidden else self._value(field, value)
            for field, value in message.ListFields()
        }

    def _value(self, field: FieldDescriptor, value: Any) -> Any:
        if isinstance(value, Message):
            return self.shown(value)
        if isinstance(value, str):
            return value[:_LONGEST_TEXT]
        if isinstance(value, bytes):
            return f"{len(value)} bytes"
        if isinstance(value, Mapping):
            return f"{len(value)} entries"
        if field.is_repeated:
            return [self._value_of_one(item) for item in list(value)[:_MOST_ITEMS]]
        return value

    def _value_of_one(self, item: Any) -> Any:
        if isinstance(item, Message):
            return self.shown(item)
        return item[:_LONGEST_TEXT] if isinstance(item, str) else item

    def _hidden_fields(self, descriptor: Any) -> frozenset[str]:
        known = self._hidden.get(descriptor.full_name)
        if known is None:
            known = frozenset(field.name for field in descriptor.fields if _is_hidden(field))
            self._hidden[descriptor.full_name] = known
        return known


def _is_hidden(field: FieldDescriptor) -> bool:
    options = field.GetOptions()
    return options.debug_redact or options.Extensions[options_pb2.traits].personal
