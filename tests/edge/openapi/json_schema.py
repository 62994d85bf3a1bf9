"""As much of JSON Schema 2020-12 as the documents use: enough to judge an instance."""

import re
from collections.abc import Callable, Iterator
from typing import Any

Schema = dict[str, Any]

_TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}
_FORMATS = {
    "uuid": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "email": r"[^@\s]+@[A-Za-z0-9.-]+",
    "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
}
_CLASSES = {
    r"\p{Cc}": r"\x00-\x1f\x7f-\x9f",
    r"\p{Cf}": r"\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff",
    r"\p{Zl}": r"\u2028",
    r"\p{Zp}": r"\u2029",
}
_ANNOTATIONS = frozenset(
    {"description", "examples", "readOnly", "writeOnly", "deprecated", "contentEncoding"}
)


def _is_of_type(names: str | list[str], instance: Any) -> bool:
    listed = names if isinstance(names, list) else [names]
    if isinstance(instance, bool):
        return "boolean" in listed
    return any(isinstance(instance, _TYPES[name]) for name in listed)


def _is_same(constant: Any, instance: Any) -> bool:
    return bool(instance == constant) and type(instance) is type(constant)


def _matches(pattern: str, instance: str) -> bool:
    for name, members in _CLASSES.items():
        pattern = pattern.replace(name, members)
    pattern = re.sub(r"\\u\{([0-9a-fA-F]+)\}", lambda it: f"\\U{int(it[1], 16):08x}", pattern)
    return re.search(re.sub(r"\$$", r"\\Z", pattern), instance) is not None


def _is_formed(name: str, instance: str) -> bool:
    return name not in _FORMATS or re.fullmatch(_FORMATS[name], instance) is not None


# For each keyword: what it speaks of, and whether an instance of that obeys it.
_RULES: dict[str, tuple[Any, Callable[[Any, Any], bool]]] = {
    "type": (object, _is_of_type),
    "enum": (object, lambda values, it: any(_is_same(value, it) for value in values)),
    "const": (object, _is_same),
    "minLength": (str, lambda least, it: len(it) >= least),
    "maxLength": (str, lambda most, it: len(it) <= most),
    "pattern": (str, _matches),
    "format": (str, _is_formed),
    "minimum": ((int, float), lambda least, it: it >= least),
    "maximum": ((int, float), lambda most, it: it <= most),
    "exclusiveMinimum": ((int, float), lambda bound, it: it > bound),
    "exclusiveMaximum": ((int, float), lambda bound, it: it < bound),
    "minItems": (list, lambda least, it: len(it) >= least),
    "maxItems": (list, lambda most, it: len(it) <= most),
    "uniqueItems": (list, lambda wanted, it: not wanted or all(it.count(each) == 1 for each in it)),
    "minProperties": (dict, lambda least, it: len(it) >= least),
    "maxProperties": (dict, lambda most, it: len(it) <= most),
    "required": (dict, lambda names, it: all(name in it for name in names)),
}


class JsonSchema:
    """The schemas of one document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._schemas: dict[str, Schema] = document["components"]["schemas"]

    def faults(self, schema: Schema, instance: Any, at: str = "$") -> Iterator[str]:
        """Yield what is wrong with an instance; nothing if it is valid."""
        for keyword, value in schema.items():
            if keyword in _RULES:
                kind, obeys = _RULES[keyword]
                if isinstance(instance, kind) and not obeys(value, instance):
                    yield f"{at} {instance!r} breaks {keyword} {value!r}"
            elif keyword not in _ANNOTATIONS and not keyword.startswith("x-"):
                yield from self._applied(keyword, schema, instance, at)

    def accepts(self, schema: Schema, instance: Any) -> bool:
        return not any(self.faults(schema, instance))

    def _applied(self, keyword: str, schema: Schema, instance: Any, at: str) -> Iterator[str]:
        """Judge by a keyword that applies further schemas."""
        value = schema[keyword]
        if keyword == "$ref":
            yield from self.faults(self._schemas[value.rpartition("/")[2]], instance, at)
        elif keyword in ("allOf", "anyOf", "oneOf", "not"):
            yield from self._combined(keyword, value, instance, at)
        elif keyword == "items":
            for place, item in enumerate(instance if isinstance(instance, list) else ()):
                yield from self.faults(value, item, f"{at}[{place}]")
        else:
            members = instance if isinstance(instance, dict) else {}
            yield from self._members(keyword, schema, members, at)

    def _combined(self, keyword: str, value: Any, instance: Any, at: str) -> Iterator[str]:
        schemas = [value] if keyword == "not" else value
        number = sum(self.accepts(each, instance) for each in schemas)
        right = {
            "allOf": number == len(schemas),
            "anyOf": number > 0,
            "oneOf": number == 1,
            "not": number == 0,
        }
        if not right[keyword]:
            yield f"{at} {instance!r} breaks {keyword} {value!r}"

    def _members(
        self, keyword: str, schema: Schema, members: dict[str, Any], at: str
    ) -> Iterator[str]:
        value = schema[keyword]
        for name, member in members.items():
            place = f"{at}.{name}"
            if keyword == "propertyNames":
                yield from self.faults(value, name, f"{place} (name)")
            elif keyword == "properties":
                yield from self.faults(value.get(name, {}), member, place)
            elif keyword == "additionalProperties" and name not in schema.get("properties", {}):
                if value is False:
                    yield f"{place} is unknown"
                elif value is not True:
                    yield from self.faults(value, member, place)
            elif keyword not in ("properties", "additionalProperties"):
                raise AssertionError(f"the documents use no {keyword}")
