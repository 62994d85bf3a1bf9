"""Plausible values for schemas: what examples are made of.

A value comes from the contract where it offers one, as an `example` rule or as a quotation in a
comment; else from the format, or from what fields of that name usually hold. A string is never
used where the schema refuses it.
"""

import operator
import re
from collections.abc import Iterator, Mapping
from typing import Any

from edge.openapi.rules.pattern import accepts
from edge.openapi.types import Schema

_UUID = "0197a3c2-8f4e-7b6a-9c1d-2e3f4a5b6c7d"
_NOW = "2026-01-15T09:30:00Z"
_LATER = "2026-01-15T09:40:00Z"
_BY_NAME = {
    "accessToken": "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl",
    "amr": "pwd",
    "aud": "limen",
    "challengeToken": "c2Vjb25kLWZhY3Rvcg",
    "currentPassword": "correct horse battery staple",
    "displayName": "Ada Lovelace",
    "email": "ada@example.com",
    "etag": "5f2a9c",
    "eventKey": "invoice-4711",
    "iss": "https://id.example.com",
    "jti": _UUID,
    "key": "key",
    "kid": "2026-01",
    "locale": "en",
    "network": "192.0.2.17",
    "newPassword": "a much longer passphrase",
    "nextPageToken": "bmV4dA",
    "pageToken": "bmV4dA",
    "password": "correct horse battery staple",
    "permissions": "users.read",
    "refreshToken": "cmVmcmVzaC10b2tlbg",
    "role": "admin",
    "roles": "admin",
    "scope": "users.read",
    "scopes": "users.read",
    "sid": _UUID,
    "sub": _UUID,
    "token": "bWFpbGVkLXRva2Vu",
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "value": "value",
    # The public key of RFC 8037, appendix A.2.
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
_NUMBERS = {
    "auth_time": 1768469400,
    "exp": 1768470000,
    "iat": 1768469400,
    "pageSize": 20,
}
_BY_FORMAT = {
    "email": "ada@example.com",
    "hostname": "example.com",
    "int64": "42",
    "uint64": "42",
    "ipv4": "192.0.2.17",
    "ipv6": "2001:db8::17",
    "uri": "https://example.com",
    "uri-reference": "/welcome",
    "uuid": _UUID,
    "byte": "bGltZW4=",
}
_BOUNDS = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}
# Tried in turn where nothing else is known: words, digits, identifiers, lengths of time.
_ANYTHING = ("example", "123456", _UUID, "3600s", "x.example", "aaaaaaaaaaaaaaaaaaaaaaaaaa")
_QUOTATIONS = (
    re.compile(r"Example: `([^`]+)`"),
    re.compile(r"(?:for instance|for example|such as) `([^`]+)`"),
    re.compile(r"[,:] `([^`]+)`"),
)
_SIZE = re.compile(r"\{(\d{1,3})")
_MAX_DEPTH = 6


class Sampler:
    """Makes values for the schemas of one document."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self._schemas = schemas

    def value(self, schema: Schema, *, name: str = "", writing: bool, depth: int = 0) -> Any:
        """Return a value.

        Args:
            schema: A schema of the document.
            name: The JSON name of the property or parameter that holds the value.
            writing: The value is for a request: what only the server writes is left out.
            depth: How many values this one is in.
        """
        whole = self.resolved(schema)
        for known in _stated(whole):
            return known
        if "anyOf" in whole and "type" not in whole:
            return self.value(whole["anyOf"][0], name=name, writing=writing, depth=depth)
        kind = whole.get("type")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            return self._object(whole, writing=writing, depth=depth)
        if kind == "array":
            item = {**whole["items"], "description": whole.get("description", "")}
            value = self.value(item, name=name, writing=writing, depth=depth + 1)
            return [value] * whole.get("minItems", 1) if depth < _MAX_DEPTH else []
        return _scalar(whole, kind, name)

    def resolved(self, schema: Schema) -> Schema:
        """Return a schema in place of a reference to it, with what stands beside the reference."""
        if "$ref" not in schema:
            return schema
        target = self._schemas[schema["$ref"].rpartition("/")[2]]
        return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}

    def _object(self, schema: Schema, *, writing: bool, depth: int) -> dict[str, Any]:
        if depth >= _MAX_DEPTH:
            return {}
        properties = schema.get("properties", {})
        others = schema.get("additionalProperties")
        if not properties and isinstance(others, dict):
            names = {"type": "string", **schema.get("propertyNames", {})}
            key = self.value(names, name="key", writing=writing, depth=depth + 1)
            return {key: self.value(others, name="value", writing=writing, depth=depth + 1)}
        hidden = "readOnly" if writing else "writeOnly"
        skipped = set(_alternatives(schema))
        return {
            name: self.value(each, name=name, writing=writing, depth=depth + 1)
            for name, each in properties.items()
            if name not in skipped and not each.get(hidden) and not each.get("deprecated")
        }


def _stated(schema: Schema) -> Iterator[Any]:
    """Yield the values that the schema itself names."""
    yield from schema.get("examples", [])[:1]
    if "const" in schema:
        yield schema["const"]
    names = schema.get("enum", [])
    yield from [name for name in names if not str(name).endswith("_UNSPECIFIED")][:1]
    yield from names[:1]


def _alternatives(schema: Schema) -> Iterator[str]:
    """Yield the properties that exclude one that stands before them."""
    for rule in schema.get("allOf", []):
        choices = rule.get("oneOf") or rule.get("not", {}).get("anyOf", [])
        for choice in choices[1:] if "oneOf" in rule else choices:
            yield choice["required"][-1]


def _scalar(schema: Schema, kind: str | None, name: str) -> Any:
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        return _number(schema, name)
    return None if kind == "null" else _text(schema, name)


def _number(schema: Schema, name: str) -> int | float:
    bounds = [schema[word] for word in _BOUNDS if word in schema]
    around = [number for bound in bounds for number in (bound, bound + 1, bound - 1)]
    candidates = [_NUMBERS.get(name, 1), 1, *around, sum(bounds) / max(len(bounds), 1)]
    return next((number for number in candidates if _is_within(schema, number)), 0)


def _is_within(schema: Schema, number: float) -> bool:
    outer = all(holds(number, schema[word]) for word, holds in _BOUNDS.items() if word in schema)
    either = schema.get("anyOf", ())
    return outer and (not either or any(_is_within(each, number) for each in either))


def _text(schema: Schema, name: str) -> str:
    return next((text for text in _candidates(schema, name) if _fits(schema, text)), "")


def _candidates(schema: Schema, name: str) -> Iterator[str]:
    if schema.get("format") == "date-time":
        yield _LATER if "expire" in name.lower() else _NOW
    elif schema.get("format") in _BY_FORMAT:
        yield _BY_FORMAT[schema["format"]]
    for quotation in _QUOTATIONS:
        yield from quotation.findall(schema.get("description", ""))
    if name in _BY_NAME:
        yield _BY_NAME[name]
    if name == "id" or name.endswith("Id"):
        yield _UUID
    yield from _ANYTHING
    sizes = [schema.get("minLength", 0), *map(int, _SIZE.findall(schema.get("pattern", "")))]
    for size in sizes:
        yield from (letter * size for letter in "a1A")


def _fits(schema: Schema, text: str) -> bool:
    patterns = [part["pattern"] for part in (schema, *schema.get("allOf", ())) if "pattern" in part]
    long_enough = schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text))
    return long_enough and all(accepts(pattern, text) for pattern in patterns)
