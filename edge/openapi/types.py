"""How ProtoJSON writes each scalar and each well-known type, as JSON Schema.

See https://protobuf.dev/programming-guides/json/.
"""

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

Schema = dict[str, Any]

FIELD_MASK = "google.protobuf.FieldMask"
HTTP_BODY = "google.api.HttpBody"

_SIGNED: Schema = {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"}
_UNSIGNED: Schema = {"type": "string", "format": "uint64", "pattern": "^[0-9]+$"}
_INT32: Schema = {"type": "integer", "format": "int32"}
_UINT32: Schema = {"type": "integer", "format": "uint32", "minimum": 0, "maximum": 4294967295}
_BYTES: Schema = {"type": "string", "format": "byte", "contentEncoding": "base64"}
_BOOL: Schema = {"type": "boolean"}
_STRING: Schema = {"type": "string"}


def _floating(width: str) -> Schema:
    """Return the schema of a floating-point number, which JSON numbers cannot always hold."""
    words = ["NaN", "Infinity", "-Infinity"]
    return {"anyOf": [{"type": "number", "format": width}, {"type": "string", "enum": words}]}


_SCALARS: dict[int, Schema] = {
    FieldDescriptor.TYPE_DOUBLE: _floating("double"),
    FieldDescriptor.TYPE_FLOAT: _floating("float"),
    FieldDescriptor.TYPE_INT64: _SIGNED,
    FieldDescriptor.TYPE_SINT64: _SIGNED,
    FieldDescriptor.TYPE_SFIXED64: _SIGNED,
    FieldDescriptor.TYPE_UINT64: _UNSIGNED,
    FieldDescriptor.TYPE_FIXED64: _UNSIGNED,
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_SFIXED32: _INT32,
    FieldDescriptor.TYPE_UINT32: _UINT32,
    FieldDescriptor.TYPE_FIXED32: _UINT32,
    FieldDescriptor.TYPE_BOOL: _BOOL,
    FieldDescriptor.TYPE_STRING: _STRING,
    FieldDescriptor.TYPE_BYTES: _BYTES,
}

_TEXTUAL: dict[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"},
    FIELD_MASK: {"type": "string"},
}
_WRAPPERS: dict[str, Schema] = {
    f"google.protobuf.{name}Value": schema
    for name, schema in {
        "Double": _floating("double"),
        "Float": _floating("float"),
        "Int64": _SIGNED,
        "UInt64": _UNSIGNED,
        "Int32": _INT32,
        "UInt32": _UINT32,
        "Bool": _BOOL,
        "String": _STRING,
        "Bytes": _BYTES,
    }.items()
}
_STRUCTURAL: dict[str, Schema] = {
    "google.protobuf.Value": {},
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Empty": {"type": "object", "properties": {}},
    "google.protobuf.Any": {
        "type": "object",
        "properties": {
            "@type": {
                "type": "string",
                "description": "The type, such as `type.googleapis.com/google.rpc.Status`.",
            }
        },
        "required": ["@type"],
        "additionalProperties": True,
    },
    HTTP_BODY: {"type": "string", "contentEncoding": "base64"},
}
_NULL_ENUM = "google.protobuf.NullValue"


def scalar(field: FieldDescriptor, *, finite: bool = False) -> Schema:
    """Return the schema of one value of a field that holds neither messages nor enums.

    Args:
        field: The field.
        finite: The value is a number with bounds, which NaN and the infinities break.
    """
    schema = _SCALARS[field.type]
    return dict(schema["anyOf"][0] if finite and "anyOf" in schema else schema)


def is_floating(field: FieldDescriptor) -> bool:
    """Tell whether a field holds floating-point numbers."""
    return field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT)


def well_known(message: Descriptor) -> Schema | None:
    """Return the schema of a well-known type, or None if ProtoJSON has no special form for it.

    A wrapper can be null, which says that it is absent.
    """
    name = message.full_name
    wrapped = _WRAPPERS.get(name)
    if wrapped is not None:
        return {"anyOf": [wrapped, {"type": "null"}]} if "anyOf" in wrapped else _nullable(wrapped)
    known = _TEXTUAL.get(name, _STRUCTURAL.get(name))
    return None if known is None else dict(known)


def fits_a_parameter(message: Descriptor) -> bool:
    """Tell whether a message is written as one string, number or boolean, as parameters are."""
    return message.full_name in _TEXTUAL or message.full_name in _WRAPPERS


def is_null(field: FieldDescriptor) -> bool:
    """Tell whether a field can hold nothing but null."""
    return field.enum_type is not None and field.enum_type.full_name == _NULL_ENUM


def _nullable(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}
