"""The schemas of a problem document (RFC 9457, with the members that limen adds)."""

from collections.abc import Mapping

from edge.openapi.reasons import Reason
from edge.openapi.types import Schema


def problem_schemas(reasons: Mapping[str, Reason]) -> dict[str, Schema]:
    """Return the schemas of a problem document and its parts, by name."""
    if not reasons:
        return {"Problem": _problem({"type": "string"}), "FieldError": _FIELD_ERROR}
    return {
        "Problem": _problem({"$ref": "#/components/schemas/ErrorReason"}),
        "FieldError": _FIELD_ERROR,
        "ErrorReason": {
            "type": "string",
            "description": "Why the call was refused, in a word that programs can rely on.",
            "enum": list(reasons),
            "x-enum-descriptions": {each.name: each.description for each in reasons.values()},
        },
    }


def _problem(reason: Schema) -> Schema:
    return {
        "type": "object",
        "description": "A refused call (RFC 9457).",
        "properties": {
            "type": {
                "type": "string",
                "format": "uri",
                "description": "A page that explains the reason.",
            },
            "title": {
                "type": "string",
                "description": "The reason in a few words, in the language of the call.",
            },
            "status": {
                "type": "integer",
                "description": "The HTTP status.",
                "minimum": 400,
                "maximum": 599,
            },
            "detail": {
                "type": "string",
                "description": "What happened, in the language of the call.",
            },
            "instance": {
                "type": "string",
                "description": "The id of the call, as in the `X-Request-Id` header.",
            },
            "code": {"type": "string", "description": "The gRPC status code."},
            "reason": {**reason, "description": "Why the call was refused, for programs."},
            "errors": {
                "type": "array",
                "description": "The fields that are at fault; empty where none is.",
                "items": {"$ref": "#/components/schemas/FieldError"},
            },
            "metadata": {
                "type": "object",
                "description": "Figures and names that belong to the reason.",
                "additionalProperties": {"type": "string"},
            },
        },
        "required": ["type", "title", "status", "detail", "instance", "code", "reason", "errors"],
    }


_FIELD_ERROR: Schema = {
    "type": "object",
    "description": "What is wrong with one field of the request.",
    "properties": {
        "field": {
            "type": "string",
            "description": "The path of the field in JSON names, for instance `user.displayName`.",
        },
        "reason": {
            "type": "string",
            "description": "The rule that is broken, for instance `string.email`.",
        },
        "message": {
            "type": "string",
            "description": "What to change, in the language of the call.",
        },
    },
    "required": ["field", "reason", "message"],
}
