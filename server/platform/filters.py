"""Filters of lists: conditions joined by AND, after AIP-160.

The grammar is the part of AIP-160 that indexes can answer: `field op value`, with the operators
`=`, `!=`, `<`, `<=`, `>`, `>=`, values quoted or bare. OR, NOT and parentheses are refused by name
rather than misread.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement

from server import errors

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<op><=|>=|!=|=|<|>)
      | "(?P<quoted>(?:[^"\\]|\\.)*)"
      | (?P<word>[^\s"=<>!()]+)
      | (?P<other>.)
    )""",
    re.VERBOSE,
)
_ORDER = frozenset({"<", "<=", ">", ">="})
_LONGEST = 20

Condition = ColumnElement[bool]


class ValueUnreadableError(Exception):
    """A value of a filter that its field cannot take."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field that a filter may name."""

    condition: Callable[[str, str], Condition]
    """Makes the condition from operator and value. Raises `ValueUnreadableError`."""
    ordered: bool = False
    """Whether `<` and its like make sense."""


def parse(text: str, fields: Mapping[str, Field]) -> list[Condition]:
    """The conditions of a filter. Raises `errors.InvalidRequest` saying what cannot be read."""
    tokens = _tokens(text)
    conditions: list[Condition] = []
    while tokens:
        if conditions and _take(tokens, "word").upper() != "AND":
            raise _unreadable("filter.syntax", text=text)
        name, op, value = (
            _take(tokens, "word"),
            _take(tokens, "op"),
            _take(tokens, "quoted", "word"),
        )
        conditions.append(_condition(name, op, value, fields))
    if len(conditions) > _LONGEST:
        raise _unreadable("filter.syntax", text=text)
    return conditions


def _condition(name: str, op: str, value: str, fields: Mapping[str, Field]) -> Condition:
    field = fields.get(name)
    if field is None:
        raise _unreadable("filter.unknown_field", name=name)
    if op in _ORDER and not field.ordered:
        raise _unreadable("filter.syntax", text=f"{name} {op}")
    try:
        return field.condition(op, value)
    except ValueUnreadableError:
        raise _unreadable("filter.value", name=name, value=value) from None


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    for match in _TOKEN.finditer(text.strip()):
        kind = match.lastgroup or "other"
        if kind == "other":
            raise _unreadable("filter.syntax", text=text)
        tokens.append((kind, match[kind]))
    return tokens


def _take(tokens: list[tuple[str, str]], *kinds: str) -> str:
    if not tokens or tokens[0][0] not in kinds:
        raise _unreadable("filter.syntax")
    kind, value = tokens.pop(0)
    return re.sub(r"\\(.)", r"\1", value) if kind == "quoted" else value


def _unreadable(rule: str, **params: str) -> errors.LimenError:
    return errors.InvalidRequest(faults=[errors.Fault("filter", rule, params)])


def moment(value: str) -> datetime:
    """A point in time from RFC 3339 text. Raises `ValueUnreadableError`."""
    try:
        read = datetime.fromisoformat(value)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueUnreadableError from None


def compare(column: Any, op: str, value: object) -> Condition:
    """`column op value` in SQL."""
    compared: Condition = {
        "=": column.__eq__,
        "!=": column.__ne__,
        "<": column.__lt__,
        "<=": column.__le__,
        ">": column.__gt__,
        ">=": column.__ge__,
    }[op](value)
    return compared
