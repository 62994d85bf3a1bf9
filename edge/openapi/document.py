"""The OpenAPI document of a contract."""

from collections.abc import Collection
from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from edge.openapi.contract import Contract, ContractError
from edge.openapi.examples import Examples
from edge.openapi.operations import Operations
from edge.openapi.parameters import CSRF_PARAMETER
from edge.openapi.policy import SECURITY_SCHEMES
from edge.openapi.problem_schemas import problem_schemas
from edge.openapi.problems import HEADERS, Problems
from edge.openapi.routes import Route, routes, unify
from edge.openapi.schemas import Schemas
from edge.openapi.wording import Wording

VERSION = "3.1.1"


def build(
    contract: bytes,
    services: Collection[str],
    *,
    title: str,
    version: str,
    description: str,
    public_url: str,
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the REST API of some services.

    Args:
        contract: A serialized `google.protobuf.FileDescriptorSet` with source info.
        services: The full names of the services, in the order in which they are to appear.
        title: The name of the API.
        version: The version of the API.
        description: What the API is for, in Markdown.
        public_url: Where clients reach the API, without a path.

    Raises:
        ContractError: The contract cannot be described; the message says why.
    """
    read = Contract(contract)
    wording, problems = Wording(read), Problems(read, public_url)
    schemas = Schemas(read, wording, problem_schemas(problems.reasons))
    operations = Operations(contract=read, wording=wording, schemas=schemas, problems=problems)
    described = [read.service(name) for name in services]
    bindings = {rpc.full_name: routes(read, rpc) for each in described for rpc in each.methods}
    paths = _paths(operations, described, bindings)
    document = {
        "openapi": VERSION,
        "info": {"title": title, "version": version, "description": description},
        "servers": [{"url": public_url.rstrip("/")}],
        "tags": [_tag_object(wording, each, described, bindings) for each in described],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": problems.shared_responses,
            "parameters": {"CsrfToken": CSRF_PARAMETER},
            "examples": problems.examples(),
            "headers": HEADERS,
            "securitySchemes": SECURITY_SCHEMES,
        },
        "x-limen-errors": problems.extension(),
    }
    Examples(document).add()
    return document


def _paths(
    operations: Operations, described: list[ServiceDescriptor], bindings: dict[str, list[Route]]
) -> dict[str, dict[str, Any]]:
    """Return the path items with their operations."""
    paths: dict[str, dict[str, Any]] = {}
    for route in unify(route for each in bindings.values() for route in each):
        item = paths.setdefault(route.path, {})
        if route.method in item:
            raise ContractError(f"{route.method.upper()} {route.path} stands for two bindings")
        tag = _tag(route.rpc.containing_service, described)
        item[route.method] = operations.operation(route, tag)
    return paths


def _tag(service: ServiceDescriptor, described: list[ServiceDescriptor]) -> str:
    """Return the short name of a service, or the full one if another service has the short one."""
    namesakes = [each for each in described if each.name == service.name]
    return service.name if len(namesakes) == 1 else service.full_name


def _tag_object(
    wording: Wording,
    service: ServiceDescriptor,
    described: list[ServiceDescriptor],
    bindings: dict[str, list[Route]],
) -> dict[str, Any]:
    unbound: list[MethodDescriptor] = [
        rpc for rpc in service.methods if not bindings[rpc.full_name]
    ]
    names = ", ".join(f"`{rpc.name}`" for rpc in unbound)
    notes = [f"Over gRPC alone: {names}."] if unbound else []
    return {
        "name": _tag(service, described),
        "description": "\n\n".join([wording.service(service), *notes]),
        "x-limen-service": service.full_name,
    }
