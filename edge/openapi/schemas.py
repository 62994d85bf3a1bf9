"""Messages and enums as schemas under `#/components/schemas`.

A message has one schema for requests, closed and with every limit, and one for responses, open
and without limits, so that the server may add to what it answers without breaking its readers.
"""

from dataclasses import dataclass
from enum import Enum
from itertools import chain, count
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from edge.openapi.annotations import annotations
from edge.openapi.contract import Contract
from edge.openapi.rules import field as rules
from edge.openapi.rules.limits import Limits
from edge.openapi.types import Schema, is_floating, is_null, scalar, well_known
from edge.openapi.wording import Wording

REFERENCE = "#/components/schemas/"
_IN_PATH = " May be left out, as the path gives it."


class Direction(Enum):
    """Which way a message travels."""

    REQUEST = "request"
    RESPONSE = "response"


@dataclass(frozen=True, slots=True)
class Variant:
    """One schema of one message."""

    direction: Direction
    partial: bool = False
    """The message holds changes to a resource; what is absent stays as it is."""
    elsewhere: frozenset[str] = frozenset()
    """Fields that the request gives in its path."""


RESPONSE = Variant(Direction.RESPONSE)


class Schemas:
    """The schemas of one document, made when they are first referred to."""

    def __init__(self, contract: Contract, wording: Wording, reserved: dict[str, Schema]) -> None:
        self._contract = contract
        self._wording = wording
        self._names: dict[tuple[str, Variant | None], str] = {}
        self._schemas: dict[str, Schema] = dict(reserved)

    @property
    def components(self) -> dict[str, Schema]:
        """All schemas made so far, by name, in alphabetical order."""
        return dict(sorted(self._schemas.items()))

    def message(self, message: Descriptor, variant: Variant) -> Schema:
        """Return the schema of a message: in place for a well-known type, else by reference."""
        known = well_known(message)
        if known is not None:
            return known
        key = (message.full_name, variant)
        if key not in self._names:
            self._names[key] = name = self._free_name(message, _suffix(message, variant))
            self._schemas[name] = {}  # Taken, for messages that hold themselves.
            self._schemas[name] = self._object(message, variant)
        return {"$ref": f"{REFERENCE}{self._names[key]}"}

    def enum(self, enum: EnumDescriptor) -> Schema:
        """Return a reference to the schema of an enum."""
        key = (enum.full_name, None)
        if key not in self._names:
            self._names[key] = name = self._free_name(enum, "")
            self._schemas[name] = {
                "type": "string",
                "description": self._wording.enum(enum),
                "enum": [value.name for value in enum.values],
                "x-enum-descriptions": {
                    value.name: self._wording.value(value) for value in enum.values
                },
            }
        return {"$ref": f"{REFERENCE}{self._names[key]}"}

    def field(self, field: FieldDescriptor, direction: Direction) -> Schema:
        """Return the schema of a field, with its description and, in requests, its limits."""
        demanded = rules.field_rules(self._contract, field)
        if direction is Direction.RESPONSE:
            demanded = None
        limits = rules.presence_limits(demanded, field) + rules.limits(demanded, field)
        schema = self._shape(field, direction, demanded, limits)
        request = direction is Direction.REQUEST
        notes = annotations(self._contract, field, schema, request=request)
        told = self._wording.limits(limits, field.containing_type)
        description = f"{self._wording.field(field)} {told}".strip()
        return {**schema, "description": description, **notes}

    def _shape(
        self, field: FieldDescriptor, direction: Direction, demanded: Any, limits: Limits
    ) -> Schema:
        """Return the schema of a field, without its description."""
        message = field.message_type
        if message and message.GetOptions().map_entry:
            schema = self._map(message, direction, demanded.map if demanded else None)
        elif field.is_repeated:
            items = demanded.repeated.items if demanded else None
            schema = {"type": "array", "items": self._value(field, direction, items)}
        else:
            return self._single(field, direction, limits)
        return {**schema, **limits.keywords}

    def _map(self, entry: Descriptor, direction: Direction, demanded: Any) -> Schema:
        key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
        values = self._value(value, direction, demanded.values if demanded else None)
        schema = {"type": "object", "additionalProperties": values}
        limits = rules.key_limits(demanded.keys if demanded else None, key)
        names = {**_key_shape(key), **limits.keywords}
        if limits.sentences:
            names["description"] = self._wording.limits(limits, entry)
        return {**schema, "propertyNames": names} if names else schema

    def _value(self, field: FieldDescriptor, direction: Direction, demanded: Any) -> Schema:
        """Return the schema of an item of a list, or of a value of a map."""
        limits = rules.limits(demanded, field)
        schema = self._single(field, direction, limits)
        if limits.sentences:
            schema["description"] = self._wording.limits(limits, field.containing_type)
        return schema

    def _single(self, field: FieldDescriptor, direction: Direction, limits: Limits) -> Schema:
        schema = self._type(field, direction, finite=_is_bounded(limits))
        overlap = schema.keys() & limits.keywords.keys() & {"pattern", "anyOf"}
        if not overlap:
            return {**schema, **limits.keywords}
        apart = {name: schema.pop(name) for name in overlap}
        return {**schema, **(limits + Limits({"allOf": [apart]})).keywords}

    def _type(self, field: FieldDescriptor, direction: Direction, *, finite: bool) -> Schema:
        if field.message_type:
            return self.message(field.message_type, Variant(direction))
        if is_null(field):
            return {"type": "null"}
        if field.enum_type:
            return self.enum(field.enum_type)
        return scalar(field, finite=finite and is_floating(field))

    def _object(self, message: Descriptor, variant: Variant) -> Schema:
        request = variant.direction is Direction.REQUEST
        dropped = frozenset() if variant.partial else variant.elsewhere
        present = [field for field in message.fields if field.name not in dropped]
        limits = rules.message_limits(self._contract, message, present, request=request)
        told = self._wording.limits(limits, message)
        schema: Schema = {
            "type": "object",
            "description": f"{self._wording.message(message)}\n\n{told}".strip(),
            "properties": {
                field.json_name: self.field(field, variant.direction) for field in present
            },
        }
        for field in present:
            if field.name in variant.elsewhere:
                schema["properties"][field.json_name]["description"] += _IN_PATH
        needed = [field.json_name for field in present if self._is_needed(field, variant)]
        if needed:
            schema["required"] = needed
        if request:
            schema["additionalProperties"] = False
        return {**schema, **limits.keywords}

    def _is_needed(self, field: FieldDescriptor, variant: Variant) -> bool:
        """Tell whether a request must, or a response will, hold a field."""
        if variant.direction is Direction.REQUEST:
            required = rules.is_required(self._contract, field, partial=variant.partial)
            return required and field.name not in variant.elsewhere
        # ProtoJSON leaves out what is absent; a field of implicit presence is never absent.
        hidden = rules.INPUT_ONLY in rules.behaviors(self._contract, field)
        return not field.has_presence and not hidden

    def _free_name(self, described: Descriptor | EnumDescriptor, suffix: str) -> str:
        """Return the short name, or the full one where another message has the short one."""
        full = described.full_name + suffix
        candidates = chain(
            [full.removeprefix(f"{described.file.package}."), full],
            (f"{full}{number}" for number in count(2)),
        )
        return next(name for name in candidates if name not in self._schemas)


def _suffix(message: Descriptor, variant: Variant) -> str:
    if variant.direction is Direction.RESPONSE:
        return ""
    if variant.partial:
        return "Patch"
    if variant.elsewhere:
        return "Body"
    return "" if message.name.endswith("Request") else "Input"


def _is_bounded(limits: Limits) -> bool:
    bounds = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "anyOf", "type"}
    return not bounds.isdisjoint(limits.keywords)


def _key_shape(key: FieldDescriptor) -> Schema:
    """Return what the keys of a map look like; JSON knows strings alone."""
    if key.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return {}
    if key.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return {"enum": ["true", "false"]}
    signed = key.cpp_type in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64)
    return {"pattern": "^-?[0-9]+$" if signed else "^[0-9]+$"}
