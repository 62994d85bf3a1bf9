"""Rules on numbers and booleans."""

from collections.abc import Callable
from typing import Any

from edge.openapi.rules.limits import Limits, listed, quoted

BOUNDS = ("gt", "gte", "lt", "lte")
_KEYWORDS = {
    "gt": "exclusiveMinimum",
    "gte": "minimum",
    "lt": "exclusiveMaximum",
    "lte": "maximum",
}
_WORDS = {"gt": "more than", "gte": "at least", "lt": "less than", "lte": "at most"}


def number_limits(rules: Any) -> Limits:
    """Return the limits on a number that JSON writes as a number."""
    bounds = {_KEYWORDS[name]: getattr(rules, name) for name in BOUNDS if rules.HasField(name)}
    keywords: dict[str, Any] = bounds
    if is_gap(rules):
        keywords = {"anyOf": [{name: value} for name, value in bounds.items()]}
    if "finite" in rules.DESCRIPTOR.fields_by_name and rules.finite:
        keywords["type"] = "number"
    return Limits(keywords) + _values(rules, lambda value: value)


def wide_limits(rules: Any) -> Limits:
    """Return the limits on a number of 64 bits, which JSON writes as a string.

    Keywords on numbers say nothing about a string, so bounds become a sentence.
    """
    bounds = [f"{_WORDS[name]} {getattr(rules, name)}" for name in BOUNDS if rules.HasField(name)]
    sentence = f"Must be {listed(bounds, 'or' if is_gap(rules) else 'and')}."
    return Limits(sentences=(sentence,) if bounds else ()) + _values(rules, str)


def bool_limits(rules: Any) -> Limits:
    """Return the limits that `buf.validate.BoolRules` set."""
    keywords: dict[str, Any] = {"const": rules.const} if rules.HasField("const") else {}
    if rules.example:
        keywords["examples"] = list(rules.example)
    return Limits(keywords)


def is_gap(rules: Any) -> bool:
    """Tell whether a lower bound above the upper one makes the rules exclude what is between."""
    lower, upper = rules.WhichOneof("greater_than"), rules.WhichOneof("less_than")
    return bool(lower and upper) and bool(getattr(rules, lower) > getattr(rules, upper))


def _values(rules: Any, render: Callable[[Any], Any]) -> Limits:
    allowed, refused = getattr(rules, "in"), rules.not_in
    keywords: dict[str, Any] = {}
    if rules.HasField("const"):
        keywords["const"] = render(rules.const)
    if allowed:
        keywords["enum"] = [render(value) for value in allowed]
    if refused:
        keywords["allOf"] = [{"not": {"enum": [render(value) for value in refused]}}]
    if rules.example:
        keywords["examples"] = [render(value) for value in rules.example]
    sentence = f"Not {quoted(list(refused))}."
    return Limits(keywords, (sentence,) if refused else ())
