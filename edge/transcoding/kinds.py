"""What the values of a field look like in JSON and in text."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from protobuf import (
    DescEnum,
    DescField,
    DescFieldValueEnum,
    DescFieldValueList,
    DescFieldValueMap,
    DescFieldValueMessage,
    DescFieldValueScalar,
    DescMessage,
    ScalarType,
)

Kind = ScalarType | DescEnum | DescMessage

WRAPPED: Mapping[str, ScalarType] = MappingProxyType(
    {
        "google.protobuf.DoubleValue": ScalarType.DOUBLE,
        "google.protobuf.FloatValue": ScalarType.FLOAT,
        "google.protobuf.Int64Value": ScalarType.INT64,
        "google.protobuf.UInt64Value": ScalarType.UINT64,
        "google.protobuf.Int32Value": ScalarType.INT32,
        "google.protobuf.UInt32Value": ScalarType.UINT32,
        "google.protobuf.BoolValue": ScalarType.BOOL,
        "google.protobuf.StringValue": ScalarType.STRING,
        "google.protobuf.BytesValue": ScalarType.BYTES,
    }
)
"""The messages that stand for a scalar that may be absent, with that scalar."""

ANY = "google.protobuf.Any"
FIELD_MASK = "google.protobuf.FieldMask"
VALUE = "google.protobuf.Value"
NULL_VALUE = "google.protobuf.NullValue"

FREE_FORM: Mapping[str, str] = MappingProxyType(
    {
        "google.protobuf.Struct": "an object",
        "google.protobuf.ListValue": "an array",
        VALUE: "any JSON value",
    }
)
"""The messages that hold JSON of any shape, with what it has to be at the top."""

TEXTUAL: Mapping[str, str] = MappingProxyType(
    {
        "google.protobuf.Timestamp": "a time such as 2026-01-31T09:30:00Z (RFC 3339)",
        "google.protobuf.Duration": "a number of seconds such as 1.5s",
        FIELD_MASK: "field names separated by commas",
    }
)
"""The messages that are one piece of text in JSON, with what it has to say."""

_INT32 = (-(2**31), 2**31 - 1)
_INT64 = (-(2**63), 2**63 - 1)
_UINT32 = (0, 2**32 - 1)
_UINT64 = (0, 2**64 - 1)

INTEGERS: Mapping[ScalarType, tuple[int, int]] = MappingProxyType(
    {
        ScalarType.INT32: _INT32,
        ScalarType.SINT32: _INT32,
        ScalarType.SFIXED32: _INT32,
        ScalarType.INT64: _INT64,
        ScalarType.SINT64: _INT64,
        ScalarType.SFIXED64: _INT64,
        ScalarType.UINT32: _UINT32,
        ScalarType.FIXED32: _UINT32,
        ScalarType.UINT64: _UINT64,
        ScalarType.FIXED64: _UINT64,
    }
)
"""The least and the greatest value of each whole-number type."""

_NUMBER_TEXT = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|NaN|-?Infinity")
_INTEGER_KEY = re.compile(r"0|-?[1-9][0-9]{0,19}")
_MOST_NAMES = 20


def kind_of(field: DescField) -> Kind:
    """Return the kind of the values of a field: of its elements, for a list or a map."""
    match field.value:
        case DescFieldValueScalar(scalar=kind):
            return kind
        case DescFieldValueEnum(enum=kind):
            return kind
        case DescFieldValueMessage(message=kind):
            return kind
        case DescFieldValueList(element=kind):
            return kind
        case DescFieldValueMap(value=kind):
            return kind


def is_many(field: DescField) -> bool:
    """Return whether a field is a list or a map."""
    return isinstance(field.value, DescFieldValueList | DescFieldValueMap)


def has_own_json(message: DescMessage) -> bool:
    """Return whether ProtoJSON gives a message a form of its own instead of an object of fields."""
    name = message.type_name
    return name in WRAPPED or name in TEXTUAL or name in FREE_FORM or name == ANY


def is_number(kind: Kind) -> bool:
    """Return whether JSON has the values as numbers, or as numbers in quotation marks."""
    if isinstance(kind, DescMessage):
        kind = WRAPPED.get(kind.type_name, ScalarType.STRING)
    return kind in INTEGERS or kind in (ScalarType.DOUBLE, ScalarType.FLOAT)


def is_number_text(text: str) -> bool:
    """Return whether a number in quotation marks is written like one without.

    Python and the converter are more generous: they take `1_000`, `+1` and digits of any script.
    """
    return _NUMBER_TEXT.fullmatch(text) is not None


def is_key(kind: ScalarType, key: str) -> bool:
    """Return whether a JSON member name is a map key of this kind, in its only spelling."""
    if kind is ScalarType.BOOL:
        return key in ("true", "false")
    if kind in INTEGERS:
        least, most = INTEGERS[kind]
        return _INTEGER_KEY.fullmatch(key) is not None and least <= int(key) <= most
    return True


def expected(kind: Kind) -> str:
    """Say in English which values a field of this kind can hold."""
    if isinstance(kind, DescEnum):
        names = [value.name for value in kind.values[:_MOST_NAMES]]
        return "one of " + ", ".join(names) + (", …" if len(kind.values) > _MOST_NAMES else "")
    if isinstance(kind, DescMessage):
        return _expected_message(kind.type_name)
    if kind in INTEGERS:
        least, most = INTEGERS[kind]
        return f"a whole number from {least} to {most}"
    return {
        ScalarType.BOOL: "true or false",
        ScalarType.STRING: "text",
        ScalarType.BYTES: "base64 text",
    }.get(kind, "a number")


def _expected_message(name: str) -> str:
    if name in WRAPPED:
        return expected(WRAPPED[name])
    if name == ANY:
        return "an object with a known @type"
    return TEXTUAL.get(name) or FREE_FORM.get(name) or "an object"
