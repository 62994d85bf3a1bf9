"""One route as an operation of OpenAPI."""

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from edge.openapi.comments import paragraphs, split_summary
from edge.openapi.contract import Contract, ContractError
from edge.openapi.parameters import Parameters
from edge.openapi.policy import Policy
from edge.openapi.problems import REQUEST_ID_HEADER, SAFE_METHODS, Problems
from edge.openapi.reasons import is_error_list, quoted_reasons
from edge.openapi.routes import Route
from edge.openapi.schemas import RESPONSE, Direction, Schemas, Variant
from edge.openapi.types import FIELD_MASK, HTTP_BODY, Schema
from edge.openapi.wording import Wording

JSON = "application/json"
NDJSON = "application/x-ndjson"
EVENT_STREAM = "text/event-stream"
CSRF_REFERENCE = {"$ref": "#/components/parameters/CsrfToken"}
_ANY_TYPE = "*/*"
_STREAM = (
    "A stream of any number of these: one JSON value a line, or, with "
    f"`Accept: {EVENT_STREAM}`, one in the data of each event. A stream that fails ends with a "
    'problem document: in a last line `{"error": …}`, or in an event named `error`.'
)


class Operations:
    """Makes the operations of one document."""

    def __init__(
        self, *, contract: Contract, wording: Wording, schemas: Schemas, problems: Problems
    ) -> None:
        self._contract = contract
        self._wording = wording
        self._schemas = schemas
        self._problems = problems
        self._parameters = Parameters(contract, schemas)

    def operation(self, route: Route, tag: str) -> dict[str, Any]:
        """Return the operation of a route.

        Raises:
            ContractError: The route or its comment names something that does not exist.
        """
        policy = Policy(self._contract, route)
        summary, description = self._texts(route, policy)
        found: dict[str, Any] = {
            "tags": [tag],
            "operationId": _operation_id(route, tag),
            "summary": summary,
            "description": description,
            "security": policy.security(),
        }
        if route.rpc.GetOptions().deprecated:
            found["deprecated"] = True
        parameters = self._parameters.of(route)
        if route.method not in SAFE_METHODS and not policy.is_public:
            parameters.append(CSRF_REFERENCE)
        if parameters:
            found["parameters"] = parameters
        if route.body:
            found["requestBody"] = self._request_body(route)
        found["responses"] = {
            "200": self._success(route),
            **self._problems.responses(route, policy),
        }
        found["x-limen-rpc"] = f"{route.rpc.containing_service.full_name}/{route.rpc.name}"
        if extension := policy.extension():
            found["x-limen-policy"] = extension
        return found

    def _texts(self, route: Route, policy: Policy) -> tuple[str, str]:
        text = self._wording.rpc(route.rpc)
        errors = next(filter(is_error_list, paragraphs(text)), "")
        summary, rest = split_summary(text.replace(errors, "").strip() if errors else text)
        parts = [rest, " ".join(policy.sentences()), quoted_reasons(errors, self._problems.reasons)]
        return summary or route.rpc.name, "\n\n".join(filter(None, parts))

    def _request_body(self, route: Route) -> dict[str, Any]:
        message, description = route.rpc.input_type, self._wording.message(route.rpc.input_type)
        if route.body == "*":
            elsewhere = frozenset(path for path in route.bound if "." not in path)
            schema = self._body_schema(message, Variant(Direction.REQUEST, elsewhere=elsewhere))
        else:
            field = _field(message, route.body)
            schema, description = self._field_body(route, field), self._wording.field(field)
        content_type = _content_type(message, route.body)
        return {
            "description": description,
            "required": self._is_demanded(schema),
            "content": {content_type: {"schema": schema}},
        }

    def _field_body(self, route: Route, field: FieldDescriptor) -> Schema:
        if field.message_type is None or field.is_repeated:
            return _bare(self._schemas.field(field, Direction.REQUEST))
        inner = f"{field.name}."
        elsewhere = frozenset(
            path.removeprefix(inner) for path in route.bound if path.startswith(inner)
        )
        partial = route.method == "patch" and _has_mask(route.rpc.input_type)
        return self._body_schema(field.message_type, Variant(Direction.REQUEST, partial, elsewhere))

    def _body_schema(self, message: Descriptor, variant: Variant) -> Schema:
        return {} if message.full_name == HTTP_BODY else self._schemas.message(message, variant)

    def _is_demanded(self, schema: Schema) -> bool:
        """Tell whether an absent body, which stands for an empty object, is refused."""
        name = schema.get("$ref", "").rpartition("/")[2]
        return bool(self._schemas.components.get(name, {}).get("required"))

    def _success(self, route: Route) -> dict[str, Any]:
        message, description = route.rpc.output_type, self._wording.message(route.rpc.output_type)
        schema: Schema
        if route.response_body:
            field = _field(message, route.response_body)
            schema = _bare(self._schemas.field(field, Direction.RESPONSE))
            description = self._wording.field(field)
        else:
            schema = self._body_schema(message, RESPONSE)
        content_type = _content_type(message, route.response_body)
        types = [content_type]
        if route.rpc.server_streaming and content_type == JSON:
            types = [NDJSON, EVENT_STREAM]
            description += f"\n\n{_STREAM}"
        if content_type != JSON:
            schema = {}
        return {
            "description": description,
            "headers": REQUEST_ID_HEADER,
            "content": {each: {"schema": schema} for each in types},
        }


def _operation_id(route: Route, tag: str) -> str:
    name = f"{tag}_{route.rpc.name}".replace(".", "_")
    return name if route.ordinal == 1 else f"{name}_{route.ordinal}"


def _field(message: Descriptor, name: str) -> FieldDescriptor:
    field = message.fields_by_name.get(name)
    if field is None:
        raise ContractError(f"{message.full_name} has no field {name}")
    return field


def _has_mask(message: Descriptor) -> bool:
    """Tell whether a request says which fields of a resource it changes (AIP-134)."""
    types = [field.message_type for field in message.fields]
    return any(each is not None and each.full_name == FIELD_MASK for each in types)


def _content_type(message: Descriptor, body: str) -> str:
    """Return the media type of a body: JSON, or any where the contract leaves it to the caller."""
    inner = message if body in ("", "*") else _field(message, body).message_type
    return _ANY_TYPE if inner and inner.full_name == HTTP_BODY else JSON


def _bare(schema: Schema) -> Schema:
    """Return the schema of a field without what is said about it as a member of a message."""
    dropped = ("description", "readOnly", "writeOnly")
    return {key: value for key, value in schema.items() if key not in dropped}
