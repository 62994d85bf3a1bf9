"""The default of a type: what an absent field of implicit presence holds, and who refuses it."""

from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from edge.openapi.rules.numbers import is_gap
from edge.openapi.rules.pattern import refuses_empty

_HTTP_HEADER_VALUE = 2


def refuses_zero(rules: Any) -> bool:
    """Tell whether `buf.validate.FieldRules` refuse the default of the type they are for."""
    kind = rules.WhichOneof("type")
    if kind is None:
        return False
    inner = getattr(rules, kind)
    if kind == "string":
        return _refuses_text(inner, "")
    if kind == "bytes":
        return _refuses_text(inner, b"")
    if kind == "repeated":
        return bool(inner.min_items > 0)
    if kind == "map":
        return bool(inner.min_pairs > 0)
    if kind == "bool":
        return bool(inner.const)
    return _refuses_value(inner, 0) or (kind != "enum" and _refuses_bound(inner))


def non_zero(field: FieldDescriptor) -> dict[str, Any]:
    """Return the keywords for a value of implicit presence that is not the default."""
    if field.message_type and field.message_type.GetOptions().map_entry:
        return {"minProperties": 1}
    if field.is_repeated:
        return {"minItems": 1}
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return {"minLength": 1}
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return {"const": True}
    if field.enum_type:
        return {"enum": [value.name for value in field.enum_type.values if value.number != 0]}
    wide = field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
    return {"not": {"const": "0" if wide else 0}}


def _refuses_text(rules: Any, empty: str | bytes) -> bool:
    lengths = [
        getattr(rules, name)
        for name in ("len", "min_len", "len_bytes", "min_bytes")
        if name in rules.DESCRIPTOR.fields_by_name
    ]
    if any(lengths) or rules.prefix or rules.suffix or rules.contains:
        return True
    if _refuses_pattern(rules) or _refuses_value(rules, empty):
        return True
    kind = rules.WhichOneof("well_known")
    if kind == "well_known_regex":
        return bool(rules.well_known_regex != _HTTP_HEADER_VALUE)
    return bool(kind and getattr(rules, kind)) and kind != "uri_ref"


def _refuses_pattern(rules: Any) -> bool:
    return rules.HasField("pattern") and refuses_empty(rules.pattern)


def _refuses_value(rules: Any, value: Any) -> bool:
    allowed = getattr(rules, "in")
    constant = rules.HasField("const") and rules.const != value
    return bool(constant or (allowed and value not in allowed) or value in rules.not_in)


def _refuses_bound(rules: Any) -> bool:
    lower, upper = rules.WhichOneof("greater_than"), rules.WhichOneof("less_than")
    high = {"gt": rules.gt < 0, "gte": rules.gte <= 0}.get(lower, True)
    low = {"lt": rules.lt > 0, "lte": rules.lte >= 0}.get(upper, True)
    return not (high or low if is_gap(rules) else high and low)
