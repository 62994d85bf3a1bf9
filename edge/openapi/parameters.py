"""What a request carries outside of its body: path variables and query parameters."""

from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from edge.openapi.contract import Contract
from edge.openapi.routes import Route, Variable
from edge.openapi.rules.field import OUTPUT_ONLY, behaviors, is_required
from edge.openapi.schemas import Direction, Schemas
from edge.openapi.types import Schema, fits_a_parameter

_WILDCARD = "*"
CSRF_PARAMETER: Schema = {
    "name": "X-CSRF-Token",
    "in": "header",
    "required": False,
    "description": (
        "The CSRF token of the session. Needed if the call is made with the session cookie, and "
        "ignored if it is made with a bearer credential."
    ),
    "schema": {"type": "string"},
}


class Parameters:
    """The parameters of the operations of one contract."""

    def __init__(self, contract: Contract, schemas: Schemas) -> None:
        self._contract = contract
        self._schemas = schemas

    def of(self, route: Route) -> list[Schema]:
        """Return the path parameters of a route in the order of the path, then those of its query.

        The query carries every field that neither the path nor the body does, members of nested
        messages under dotted names. Repeated messages and maps have no form there.
        """
        path = [self._in_path(variable) for variable in route.variables]
        if route.body == "*":
            return path
        taken = route.bound | {route.body}
        return path + list(self._in_query(route.rpc.input_type, taken, ()))

    def _in_path(self, variable: Variable) -> Schema:
        found: Schema = {"name": variable.name, "in": "path", "required": True}
        schema: Schema = {"type": "string"}
        if variable.fields and variable.pattern in ("*", "**"):
            schema = self._schemas.field(variable.fields[-1], Direction.REQUEST)
            found["description"] = schema.pop("description")
        else:
            found["description"] = _part_of(variable)
        if variable.many:
            found["description"] += " May hold several segments, with `/` between them."
            found["x-limen-multi-segment"] = True
        return {**found, "schema": _without_notes(schema)}

    def _in_query(
        self, message: Descriptor, taken: frozenset[str], outer: tuple[FieldDescriptor, ...]
    ) -> Iterator[Schema]:
        for field in message.fields:
            fields = (*outer, field)
            path = ".".join(each.name for each in fields)
            if path in taken or OUTPUT_ONLY in behaviors(self._contract, field):
                continue
            if field.message_type is None or fits_a_parameter(field.message_type):
                yield self._query_parameter(fields)
            elif not field.is_repeated and field.message_type not in _types(outer):
                yield from self._in_query(field.message_type, taken, fields)

    def _query_parameter(self, fields: tuple[FieldDescriptor, ...]) -> Schema:
        schema = self._schemas.field(fields[-1], Direction.REQUEST)
        required = [is_required(self._contract, field, partial=False) for field in fields]
        found: Schema = {
            "name": ".".join(field.json_name for field in fields),
            "in": "query",
            "required": all(required),
            "description": schema.pop("description"),
        }
        if schema.pop("deprecated", False):
            found["deprecated"] = True
        return {**found, "schema": _without_notes(schema)}


def _types(fields: tuple[FieldDescriptor, ...]) -> list[Descriptor]:
    """Return the messages on the way, so that one that holds itself is entered once."""
    return [field.message_type for field in fields if field.message_type]


def _part_of(variable: Variable) -> str:
    if not variable.fields:
        return "Any value; the call does not use it."
    name = ".".join(field.json_name for field in variable.fields)
    return f"A part of `{name}`, which is `{variable.pattern}`."


def _without_notes(schema: Schema) -> Schema:
    """Return a schema without what has no meaning outside of a body."""
    return {key: value for key, value in schema.items() if key not in ("writeOnly", "readOnly")}
