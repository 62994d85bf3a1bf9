"""Schemas as rows of a table: what a reader wants to know of each property, in few words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.openapi.types import Schema

_MAX_DEPTH = 3
_WIDE = ("int64", "uint64")
_BADGES = {
    "readOnly": "read-only",
    "writeOnly": "write-only",
    "x-limen-secret": "secret",
    "x-limen-personal": "personal data",
    "deprecated": "deprecated",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an enum."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value looks like."""

    type: str
    """The type, for instance `array of` or `string`."""
    component: str
    """The name of the schema that the type refers to, or nothing."""
    facts: tuple[str, ...]
    """Limits in words, for instance `3 to 254 characters`."""
    pattern: str
    choices: tuple[Choice, ...]
    rows: "tuple[Row, ...]"
    """The properties of the object, or of the objects in the list or map."""


@dataclass(frozen=True, slots=True)
class Row:
    """One property or parameter."""

    name: str
    description: str
    presence: str
    """Whether the value has to be there: `required`, `always present` or nothing."""
    badges: tuple[str, ...]
    shape: Shape


class Shapes:
    """Reads the schemas of one document."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self._schemas = schemas

    def rows(self, schema: Schema, trail: tuple[str, ...] = ()) -> tuple[Row, ...]:
        """Return the properties of a schema.

        Args:
            schema: A schema, or a reference to one.
            trail: The names of the schemas around it; one of them is not entered again.
        """
        component = _component(schema)
        whole = self._resolved(schema)
        inner = (*trail, component) if component else trail
        required = whole.get("required", ())
        # Requests are closed and make demands; answers are open and make promises.
        presence = "required" if whole.get("additionalProperties") is False else "always present"
        return tuple(
            self.row(name, each, presence=presence if name in required else "", trail=inner)
            for name, each in whole.get("properties", {}).items()
        )

    def row(
        self,
        name: str,
        schema: Schema,
        *,
        presence: str,
        description: str = "",
        trail: tuple[str, ...] = (),
    ) -> Row:
        """Return a property or parameter."""
        badges = tuple(word for keyword, word in _BADGES.items() if schema.get(keyword))
        text = description or schema.get("description", "")
        return Row(name, text, presence, badges, self.shape(schema, trail))

    def shape(self, schema: Schema, trail: tuple[str, ...] = ()) -> Shape:
        """Return what a value of a schema looks like."""
        prefix, element = _element(schema)
        component = _component(element)
        whole = self._resolved(element)
        entered = component not in trail and len(trail) < _MAX_DEPTH
        return Shape(
            type=prefix + _type(whole, component),
            component=component,
            facts=(*_facts(schema), *(_facts(element) if element is not schema else ())),
            # The pattern of a 64-bit number says no more than its type.
            pattern="" if element.get("format") in _WIDE else element.get("pattern", ""),
            choices=_choices(whole),
            rows=self.rows(element, trail) if entered else (),
        )

    def _resolved(self, schema: Schema) -> Schema:
        component = _component(schema)
        return {**self._schemas[component], **schema} if component else schema


def _component(schema: Schema) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _element(schema: Schema) -> tuple[str, Schema]:
    """Return what the schema is a container of, in words, and what it contains."""
    if schema.get("type") == "array":
        return "array of ", schema["items"]
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        return "map of string to ", others
    return "", schema


def _type(schema: Schema, component: str) -> str:
    if component:
        return "enum " if schema.get("enum") else ""
    kinds = schema.get("type", "")
    if "anyOf" in schema and not kinds:
        kinds = [each.get("type", "") for each in schema["anyOf"]]
    name = " or ".join(kinds) if isinstance(kinds, list) else kinds
    extra = schema.get("format") or schema.get("contentEncoding", "")
    return f"{name or 'any JSON'}{f' · {extra}' if extra else ''}"


def _facts(schema: Schema) -> tuple[str, ...]:
    """Return the limits of a schema in words."""
    found = [
        _span(schema.get("minLength"), schema.get("maxLength"), "character"),
        _span(schema.get("minItems"), schema.get("maxItems"), "item"),
        _span(schema.get("minProperties"), schema.get("maxProperties"), "entry"),
        _range(schema),
        "no duplicates" if schema.get("uniqueItems") else "",
        f"always {schema['const']}" if "const" in schema else "",
    ]
    return tuple(filter(None, found))


def _span(least: int | None, most: int | None, unit: str) -> str:
    if least and most:
        size = f"{least}" if least == most else f"{least} to {most}"
        return f"{size} {_plural(unit, most)}"
    if least:
        return f"at least {least} {_plural(unit, least)}"
    return "" if most is None else f"at most {most} {_plural(unit, most)}"


def _plural(unit: str, number: int) -> str:
    if number == 1:
        return unit
    return f"{unit[:-1]}ies" if unit.endswith("y") else f"{unit}s"


def _range(schema: Schema) -> str:
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    if schema.get("format") == "uint32" and schema.get("minimum") == 0:
        words = {"exclusiveMaximum": "<"}
    return ", ".join(f"{sign} {schema[word]}" for word, sign in words.items() if word in schema)


def _choices(schema: Schema) -> tuple[Choice, ...]:
    texts: Mapping[str, Any] = schema.get("x-enum-descriptions", {})
    return tuple(Choice(str(name), texts.get(name, "")) for name in schema.get("enum", ()))
