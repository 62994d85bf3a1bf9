"""HTTP bindings of RPCs, and their path templates in the notation of OpenAPI.

The templates follow `google/api/http.proto`. A variable is named as its field is in JSON, so
`{user.user_id}` becomes `{user.userId}`. OpenAPI has no wildcards: a variable that holds a
pattern, such as `{name=users/*}`, becomes the literal text with one parameter for each wildcard.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from edge.openapi.contract import Contract, ContractError

HTTP_OPTION = "google.api.http"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

_VARIABLE = re.compile(r"\{([^}=]+)(?:=([^}]*))?\}|(\*\*|\*)")
_WILDCARD = re.compile(r"\*\*|\*")


@dataclass(frozen=True, slots=True)
class Variable:
    """One parameter of a path."""

    name: str
    """The name in the path, unique there."""
    fields: tuple[FieldDescriptor, ...]
    """The fields that lead from the request to the value. Empty: nothing takes the value."""
    pattern: str = "*"
    """What the whole field matches. Other than one wildcard, the parameter is a part of it."""
    many: bool = False
    """Whether the value may span several segments, so that `/` in it is not encoded."""

    @property
    def field_path(self) -> str:
        """The Protobuf path of the field that takes the value, such as `user.user_id`."""
        return ".".join(field.name for field in self.fields)


@dataclass(frozen=True, slots=True)
class Route:
    """One HTTP binding of one RPC."""

    rpc: MethodDescriptor
    method: str
    """The HTTP method in lower case, as path items name it."""
    shape: str
    """The path with `{}` for each variable."""
    variables: tuple[Variable, ...]
    body: str
    """The field that the body fills, `*` for all that the path leaves, or empty."""
    response_body: str
    """The field of the response that is answered alone, or empty for the whole."""
    ordinal: int = field(default=1)
    """1 for the main binding, 2 and more for the additional ones."""

    @property
    def path(self) -> str:
        """The path template in the notation of OpenAPI."""
        return self.shape.format(*(f"{{{variable.name}}}" for variable in self.variables))

    @property
    def bound(self) -> frozenset[str]:
        """The Protobuf paths of the fields that the path fills."""
        return frozenset(variable.field_path for variable in self.variables)


def routes(contract: Contract, rpc: MethodDescriptor) -> list[Route]:
    """Return the bindings of an RPC, the main one first. Empty: it is served over gRPC alone.

    Raises:
        ContractError: A binding names a field or a method that does not exist.
    """
    rule = contract.option(rpc, HTTP_OPTION)
    if rule is None:
        return []
    rules = [rule, *rule.additional_bindings]
    return [replace(_route(rpc, rule), ordinal=place) for place, rule in enumerate(rules, 1)]


def unify(all_routes: Iterable[Route]) -> list[Route]:
    """Give paths that differ in nothing but the names of their variables the same, shortest names.

    OpenAPI takes such paths for one and the same and forbids the second (section 4.8.8.1), so
    `/users/{userId}` and `/users/{user.userId}` have to share a path item.
    """
    found = list(all_routes)
    names: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for route in found:
        names[route.shape].append(tuple(variable.name for variable in route.variables))
    chosen = {shape: min(options, key=_brevity) for shape, options in names.items()}
    return [_renamed(route, chosen[route.shape]) for route in found]


def _brevity(names: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    return sum(map(len, names)), names


def _renamed(route: Route, names: tuple[str, ...]) -> Route:
    pairs = zip(route.variables, names, strict=True)
    return replace(route, variables=tuple(replace(each, name=name) for each, name in pairs))


def _route(rpc: MethodDescriptor, rule: Any) -> Route:
    kind = rule.WhichOneof("pattern") or ""
    method, template = kind, getattr(rule, kind, "")
    if kind == "custom":
        method, template = rule.custom.kind.lower(), rule.custom.path
    if method not in METHODS:
        raise ContractError(f"{rpc.full_name}: OpenAPI has no HTTP method {method!r}")
    shape, variables = _template(rpc, template)
    return Route(rpc, method, shape, variables, rule.body, rule.response_body)


def _template(rpc: MethodDescriptor, template: str) -> tuple[str, tuple[Variable, ...]]:
    """Return the shape and the variables of a path template."""
    variables: list[Variable] = []

    def replacement(match: re.Match[str]) -> str:
        path, pattern, wildcard = match.groups()
        if wildcard is not None:
            name = f"segment{len(variables) + 1}"
            variables.append(Variable(name, (), wildcard, many=wildcard == "**"))
            return "{}"
        fields = tuple(resolve(rpc.input_type, path))
        variables.extend(_parts(fields, pattern or "*"))
        return _WILDCARD.sub("{}", pattern or "*")

    return _VARIABLE.sub(replacement, template), tuple(variables)


def _parts(fields: tuple[FieldDescriptor, ...], pattern: str) -> Iterator[Variable]:
    name = ".".join(field.json_name for field in fields)
    wildcards = _WILDCARD.findall(pattern)
    for place, wildcard in enumerate(wildcards, 1):
        part = name if len(wildcards) == 1 else f"{name}{place}"
        yield Variable(part, fields, pattern, many=wildcard == "**")


def resolve(message: Descriptor, path: str) -> Iterator[FieldDescriptor]:
    """Yield the fields that a dotted Protobuf path such as `user.user_id` leads through.

    Raises:
        ContractError: There is no such field.
    """
    current: Descriptor | None = message
    for name in path.split("."):
        field = current.fields_by_name.get(name) if current else None
        if field is None:
            raise ContractError(f"{message.full_name} has no field {path}")
        yield field
        current = field.message_type
