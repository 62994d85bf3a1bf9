"""Reads JSON text (RFC 8259) without the liberties that Python takes.

Refused beyond what `json` refuses: a member given twice, NaN and Infinity, any encoding but UTF-8.
"""

import json
from collections.abc import Iterator
from typing import Any

from edge.transcoding.fault import FieldFault, invalid
from edge.transcoding.places import Place

_MOST_DIGITS = 400
"""More than the whole part of any double has; a longer one is infinite as a double."""

JsonValue = Any
"""What `json` makes: dict, list, str, int, float, bool or None."""


def read(text: bytes, place: Place) -> JsonValue:
    """Read JSON text; `place` is where in the request it belongs.

    Raises:
        Fault: It is not UTF-8, not JSON, nested too deeply for the parser, or has a member twice.
    """
    try:
        return _read(text.decode("utf-8"), place)
    except UnicodeDecodeError as error:
        raise invalid([_not_utf8(place, error)]) from None
    except json.JSONDecodeError as error:
        raise invalid([_not_json(place, error)]) from None
    except RecursionError:
        raise invalid([too_deep(place)]) from None


def too_deep(place: Place) -> FieldFault:
    """The fault of a value that is nested too deeply."""
    return FieldFault(str(place), "json.depth", "is nested too deeply")


def repeated(place: Place) -> FieldFault:
    """The fault of a member that is given twice."""
    return FieldFault(str(place), "json.duplicate_key", "is given more than once")


class _RepeatedError(Exception):
    """An object has a member twice."""


class _Members(list[tuple[str, JsonValue]]):
    """An object as it was written, repetitions included."""


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RepeatedError
    return members


def _no_constant(name: str) -> JsonValue:
    raise json.JSONDecodeError(f"{name} is not a JSON value", "", 0)


def _whole_number(digits: str) -> int | float:
    """Read a number that no field can hold as one of no bounds: its place is found out later.

    Python takes its time over thousands of digits, and refuses to convert more.
    """
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_whole_number, parse_constant=_no_constant
)
_KEEPING_DECODER = json.JSONDecoder(
    object_pairs_hook=_Members, parse_int=_whole_number, parse_constant=_no_constant
)


def _read(text: str, place: Place) -> JsonValue:
    try:
        return _DECODER.decode(text)
    except _RepeatedError:
        raise invalid(_repetitions(_KEEPING_DECODER.decode(text), place)) from None


def _repetitions(value: JsonValue, place: Place) -> Iterator[FieldFault]:
    """Find every member that is given twice. Slow, and only for requests that are refused."""
    if isinstance(value, _Members):
        seen: set[str] = set()
        for name, inner in value:
            if name in seen:
                yield repeated(place.member(name))
            seen.add(name)
            yield from _repetitions(inner, place.member(name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _repetitions(inner, place.item(index))


def _not_utf8(place: Place, error: UnicodeDecodeError) -> FieldFault:
    position = str(error.start)
    return FieldFault(
        str(place), "json.encoding", f"is not UTF-8 (byte {position})", {"position": position}
    )


def _not_json(place: Place, error: json.JSONDecodeError) -> FieldFault:
    if not error.doc:
        return FieldFault(str(place), "json.syntax", f"is not JSON: {error.msg}")
    line, column = str(error.lineno), str(error.colno)
    return FieldFault(
        str(place),
        "json.syntax",
        f"is not JSON: {error.msg} (line {line}, column {column})",
        {"line": line, "column": column},
    )
