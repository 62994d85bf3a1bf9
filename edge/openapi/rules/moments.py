"""Rules on points in time, lengths of time, and other well-known types.

JSON writes them as strings, on which JSON Schema knows no order; so bounds become sentences.
"""

from typing import Any

from edge.openapi.rules.limits import Limits, listed, quoted
from edge.openapi.rules.numbers import BOUNDS

_POINT_WORDS = {"gt": "after", "gte": "not before", "lt": "before", "lte": "not after"}
_LENGTH_WORDS = {"gt": "longer than", "gte": "at least", "lt": "shorter than", "lte": "at most"}


def timestamp_limits(rules: Any) -> Limits:
    """Return the limits that `buf.validate.TimestampRules` set."""
    bounds = _bounds(rules, _POINT_WORDS)
    bounds += ["in the future"] if rules.gt_now else []
    bounds += ["in the past"] if rules.lt_now else []
    if rules.HasField("within"):
        bounds.append(f"within {quoted([rules.within.ToJsonString()])} of the time of the call")
    return Limits(_constant(rules), _sentence(bounds, rules))


def duration_limits(rules: Any) -> Limits:
    """Return the limits that `buf.validate.DurationRules` set."""
    keywords = _constant(rules)
    if getattr(rules, "in"):
        keywords["enum"] = [value.ToJsonString() for value in getattr(rules, "in")]
    if rules.not_in:
        keywords["allOf"] = [{"not": {"enum": [value.ToJsonString() for value in rules.not_in]}}]
    return Limits(keywords, _sentence(_bounds(rules, _LENGTH_WORDS), rules))


def field_mask_limits(rules: Any) -> Limits:
    """Return the limits that `buf.validate.FieldMaskRules` set."""
    sentences = []
    if rules.HasField("const"):
        sentences.append(f"Must be {quoted([rules.const.ToJsonString()])}.")
    if getattr(rules, "in"):
        sentences.append(f"May name {quoted([_json_path(path) for path in getattr(rules, 'in')])}.")
    if rules.not_in:
        sentences.append(f"May not name {quoted([_json_path(path) for path in rules.not_in])}.")
    return Limits(sentences=tuple(sentences))


def any_limits(rules: Any) -> Limits:
    """Return the limits that `buf.validate.AnyRules` set."""
    sentences = []
    if getattr(rules, "in"):
        sentences.append(f"Its type must be {quoted(list(getattr(rules, 'in')))}.")
    if rules.not_in:
        sentences.append(f"Its type may not be {quoted(list(rules.not_in))}.")
    return Limits(sentences=tuple(sentences))


def _bounds(rules: Any, words: dict[str, str]) -> list[str]:
    return [
        f"{words[name]} {quoted([getattr(rules, name).ToJsonString()])}"
        for name in BOUNDS
        if rules.HasField(name)
    ]


def _sentence(bounds: list[str], rules: Any) -> tuple[str, ...]:
    joint = "or" if _is_gap(rules) else "and"
    return (f"Must be {listed(bounds, joint)}.",) if bounds else ()


def _is_gap(rules: Any) -> bool:
    lower, upper = rules.WhichOneof("greater_than"), rules.WhichOneof("less_than")
    if not (lower and upper) or lower == "gt_now" or upper == "lt_now":
        return False
    return _order(getattr(rules, lower)) > _order(getattr(rules, upper))


def _order(moment: Any) -> tuple[int, int]:
    return moment.seconds, moment.nanos


def _constant(rules: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if rules.HasField("const"):
        found["const"] = rules.const.ToJsonString()
    if rules.example:
        found["examples"] = [value.ToJsonString() for value in rules.example]
    return found


def _json_path(path: str) -> str:
    """Return a path of a field mask as ProtoJSON writes it, in lowerCamelCase."""
    first, *others = path.split("_")
    return first + "".join(word.capitalize() for word in others)
