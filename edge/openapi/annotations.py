"""What a field is, beyond its type and its limits: who may write it, and whether it is secret."""

from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from edge.openapi.contract import Contract
from edge.openapi.rules.field import INPUT_ONLY, OUTPUT_ONLY, behaviors
from edge.openapi.types import Schema

TRAITS_OPTION = "limen.options.v1.traits"


def annotations(
    contract: Contract, field: FieldDescriptor, schema: Schema, *, request: bool
) -> Schema:
    """Return the keywords that annotate a field.

    Args:
        contract: Where the options of the field are read.
        field: The field.
        schema: What its type and its limits come to.
        request: The schema is for requests; a secret in one is never answered.
    """
    declared = behaviors(contract, field)
    secret = field.GetOptions().debug_redact
    found: dict[str, Any] = {}
    if OUTPUT_ONLY in declared:
        found["readOnly"] = True
    if INPUT_ONLY in declared or (secret and request):
        found["writeOnly"] = True
    if field.GetOptions().deprecated:
        found["deprecated"] = True
    if secret:
        found |= {"x-limen-secret": True, **_hidden(schema)}
    traits = contract.option(field, TRAITS_OPTION)
    if traits is not None and traits.personal:
        found["x-limen-personal"] = True
    return found


def _hidden(schema: Schema) -> Schema:
    """Return the keywords by which forms show dots instead of what is typed."""
    if schema.get("type") == "array":
        return {"items": {**schema["items"], **_hidden(schema["items"])}}
    if schema.get("type") == "string" and "format" not in schema:
        return {"format": "password"}
    return {}
