"""Rules on lists, maps and enums."""

from typing import Any

from google.protobuf.descriptor import EnumDescriptor

from edge.openapi.rules.limits import Limits


def repeated_limits(rules: Any) -> Limits:
    """Return the limits that `buf.validate.RepeatedRules` set on the list itself."""
    keywords: dict[str, Any] = {}
    if rules.HasField("min_items"):
        keywords["minItems"] = rules.min_items
    if rules.HasField("max_items"):
        keywords["maxItems"] = rules.max_items
    if rules.unique:
        keywords["uniqueItems"] = True
    return Limits(keywords)


def map_limits(rules: Any) -> Limits:
    """Return the limits that `buf.validate.MapRules` set on the map itself."""
    keywords: dict[str, Any] = {}
    if rules.HasField("min_pairs"):
        keywords["minProperties"] = rules.min_pairs
    if rules.HasField("max_pairs"):
        keywords["maxProperties"] = rules.max_pairs
    return Limits(keywords)


def enum_limits(rules: Any, enum: EnumDescriptor) -> Limits:
    """Return the limits that `buf.validate.EnumRules` set, by the names of the values."""
    numbers = set(getattr(rules, "in")) or {value.number for value in enum.values}
    if rules.HasField("const"):
        numbers = {rules.const}
    numbers -= set(rules.not_in)
    names = [value.name for value in enum.values if value.number in numbers]
    keywords: dict[str, Any] = {"enum": names} if len(names) < len(enum.values) else {}
    if rules.example:
        known = enum.values_by_number
        keywords["examples"] = [known[number].name for number in rules.example if number in known]
    return Limits(keywords)
