"""Sample values: plausible where the contract helps, valid in any case."""

from typing import Any

import pytest

from edge.openapi.samples import Sampler

sampler = Sampler(
    {
        "Kind": {"type": "string", "enum": ["KIND_UNSPECIFIED", "KIND_GOOD"]},
        "Node": {"type": "object", "properties": {"node": {"$ref": "#/components/schemas/Node"}}},
    }
)


@pytest.mark.parametrize(
    ("schema", "name", "value"),
    [
        ({"type": "string", "examples": ["given"]}, "", "given"),
        ({"type": "string", "const": "fixed"}, "", "fixed"),
        ({"$ref": "#/components/schemas/Kind"}, "", "KIND_GOOD"),
        (
            {"$ref": "#/components/schemas/Kind", "enum": ["KIND_UNSPECIFIED"]},
            "",
            "KIND_UNSPECIFIED",
        ),
        ({"type": "string", "description": "Such, for instance `abc`."}, "", "abc"),
        ({"type": "string", "description": "The curve, `Ed25519`."}, "", "Ed25519"),
        ({"type": "string", "description": "Or: `a`. Example: `b`."}, "", "b"),
        ({"type": "string"}, "displayName", "Ada Lovelace"),
        ({"type": "string", "format": "date-time"}, "createTime", "2026-01-15T09:30:00Z"),
        ({"type": "string", "format": "date-time"}, "expireTime", "2026-01-15T09:40:00Z"),
        ({"type": "string", "pattern": "^[0-9]{6}$"}, "totpCode", "123456"),
        ({"type": "string", "maxLength": 3, "pattern": "^[A-Z]*$"}, "", ""),
        ({"type": "string", "minLength": 40}, "", "a" * 40),
        ({"type": "string", "pattern": "^[A-Z]{7}$"}, "", "AAAAAAA"),
        ({"type": "integer", "minimum": 5}, "", 5),
        ({"type": "integer", "exclusiveMinimum": 5}, "", 6),
        ({"type": "integer", "maximum": -5}, "", -5),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "", 0.5),
        ({"type": "integer", "anyOf": [{"maximum": 0}, {"exclusiveMinimum": 9}]}, "", 0),
        ({"type": "integer", "minimum": 0, "maximum": 10}, "pageSize", 1),
        ({"type": ["boolean", "null"]}, "", True),
        ({"type": "null"}, "", None),
        ({"anyOf": [{"type": "number"}, {"type": "string"}]}, "", 1),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2}, "roles", ["admin"] * 2),
        (
            {"type": "object", "additionalProperties": {"type": "boolean"}},
            "",
            {"key": True},
        ),
    ],
)
def test_values(schema: dict[str, Any], name: str, value: Any) -> None:
    assert sampler.value(schema, name=name, writing=True) == value


def test_who_writes_decides_what_is_shown() -> None:
    schema = {
        "type": "object",
        "properties": {
            "ours": {"type": "boolean", "readOnly": True},
            "theirs": {"type": "boolean", "writeOnly": True},
            "old": {"type": "boolean", "deprecated": True},
        },
    }
    assert sampler.value(schema, writing=True) == {"theirs": True}
    assert sampler.value(schema, writing=False) == {"ours": True}


def test_what_holds_itself_ends() -> None:
    value = sampler.value({"$ref": "#/components/schemas/Node"}, writing=True)
    depth = 0
    while value:
        value = value["node"]
        depth += 1
    assert depth == 6
