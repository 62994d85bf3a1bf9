"""The rules on one field, whatever its type, and whether a request must hold it."""

from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from edge.openapi.contract import Contract
from edge.openapi.rules import containers, moments, numbers, text
from edge.openapi.rules.limits import NONE, Limits
from edge.openapi.rules.zero import non_zero, refuses_zero

_FIELD = "buf.validate.field"
_MESSAGE = "buf.validate.message"
_ONEOF = "buf.validate.oneof"
_BEHAVIOR = "google.api.field_behavior"

# Numbers of `google.api.FieldBehavior`.
REQUIRED, OUTPUT_ONLY, INPUT_ONLY, IMMUTABLE = 2, 3, 4, 5
# Numbers of `buf.validate.Ignore`.
_IGNORE_IF_ZERO, _IGNORE_ALWAYS = 1, 3

_READERS: dict[str, Callable[[Any], Limits]] = {
    "string": text.string_limits,
    "bytes": text.bytes_limits,
    "bool": numbers.bool_limits,
    "timestamp": moments.timestamp_limits,
    "duration": moments.duration_limits,
    "field_mask": moments.field_mask_limits,
    "any": moments.any_limits,
    "repeated": containers.repeated_limits,
    "map": containers.map_limits,
    **dict.fromkeys(("int64", "uint64", "sint64", "fixed64", "sfixed64"), numbers.wide_limits),
    **dict.fromkeys(("int32", "uint32", "sint32", "fixed32", "sfixed32"), numbers.number_limits),
    **dict.fromkeys(("float", "double"), numbers.number_limits),
}


def field_rules(contract: Contract, field: FieldDescriptor) -> Any:
    """Return the `buf.validate.FieldRules` of a field, or None if none are in force."""
    rules = contract.option(field, _FIELD)
    return None if rules is None or rules.ignore == _IGNORE_ALWAYS else rules


def behaviors(contract: Contract, field: FieldDescriptor) -> frozenset[int]:
    """Return the numbers of the `google.api.FieldBehavior` values of a field."""
    return frozenset(contract.option(field, _BEHAVIOR) or ())


def limits(rules: Any, field: FieldDescriptor) -> Limits:
    """Return the limits of one value.

    Args:
        rules: `buf.validate.FieldRules` of a field, or of the items, keys or values in it.
        field: The field that holds the value.
    """
    if rules is None or rules.ignore == _IGNORE_ALWAYS:
        return NONE
    kind = rules.WhichOneof("type")
    found = NONE
    if kind == "enum" and field.enum_type:
        found = containers.enum_limits(rules.enum, field.enum_type)
    elif kind in _READERS:
        found = _READERS[kind](getattr(rules, kind))
    return found + Limits(sentences=_expressions(rules))


def key_limits(rules: Any, key: FieldDescriptor) -> Limits:
    """Return the limits of the keys of a map, which JSON writes as strings whatever their type."""
    kind = (rules.WhichOneof("type") or "") if rules is not None else ""
    if _READERS.get(kind) is numbers.number_limits:
        return numbers.wide_limits(getattr(rules, kind))
    return limits(rules, key)


def presence_limits(rules: Any, field: FieldDescriptor) -> Limits:
    """Return the keywords for a value that must not be the default of its type."""
    if rules is None or not rules.required or field.has_presence:
        return NONE
    return Limits(non_zero(field))


def is_required(contract: Contract, field: FieldDescriptor, *, partial: bool) -> bool:
    """Tell whether a request without the field is refused.

    That is so if the contract says so outright, or if the default that an absent field has is
    refused by its rules. `REQUIRED` beside rules that ignore the default means that the field is
    required only where it is written, as in a partial update (AIP-203).

    Args:
        contract: Where the options of the field are read.
        field: The field.
        partial: The message holds the changes of a PATCH, not the whole resource.
    """
    declared = behaviors(contract, field)
    if OUTPUT_ONLY in declared:
        return False
    rules = field_rules(contract, field)
    if rules is not None and rules.required:
        return True
    if rules is not None and rules.ignore == _IGNORE_IF_ZERO:
        return False
    if REQUIRED in declared and not partial:
        return True
    return rules is not None and not field.has_presence and refuses_zero(rules)


def message_limits(
    contract: Contract, message: Descriptor, present: Iterable[FieldDescriptor], *, request: bool
) -> Limits:
    """Return what is true of the fields of a message together.

    Args:
        contract: Where the options of the message are read.
        message: The message.
        present: Those of its fields that the schema has as properties.
        request: The message is held to its rules, not merely to its type.
    """
    names = {field.name: field.json_name for field in present}
    rules = contract.option(message, _MESSAGE) if request else None
    found = Limits(sentences=_expressions(rules)) if rules else NONE
    groups = [(rule.fields, rule.required) for rule in rules.oneof] if rules else []
    for oneof in message.oneofs:
        required = request and _is_required(contract.option(oneof, _ONEOF))
        groups.append(([field.name for field in oneof.fields], required))
    for fields, required in groups:
        found += _exclusion([names[name] for name in fields if name in names], required=required)
    return found


def _is_required(rules: Any) -> bool:
    return rules is not None and rules.required


def _exclusion(names: list[str], *, required: bool) -> Limits:
    """Return the limits by which one of some properties at most, or exactly one, is present."""
    single = [{"required": [name]} for name in names]
    if required:
        return Limits({"allOf": [{"oneOf": single}]} if single else {})
    pairs = [
        {"required": [first, second]}
        for place, first in enumerate(names)
        for second in names[place + 1 :]
    ]
    return Limits({"allOf": [{"not": {"anyOf": pairs}}]} if pairs else {})


def _expressions(rules: Any) -> tuple[str, ...]:
    """Return the CEL rules in words: their messages, or else the expressions themselves."""
    messages = [rule.message or _as_code(rule.expression) for rule in rules.cel]
    return (*messages, *map(_as_code, rules.cel_expression))


def _as_code(expression: str) -> str:
    return f"Must satisfy `{expression}` (CEL)"
