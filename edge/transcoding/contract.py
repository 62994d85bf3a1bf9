"""Reads from a contract which RPCs are served over HTTP, and how."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from protobuf import DescMethod, DescService, Oneof, Registry
from protobuf.wkt import FileDescriptorSet

from edge.transcoding.template import Template, TemplateError, parse

HTTP_OPTION = "google.api.http"

_VERBS = {"get": "GET", "put": "PUT", "post": "POST", "delete": "DELETE", "patch": "PATCH"}
_STREAMS_REQUESTS = ("client_streaming", "bidi_streaming")


class ContractError(ValueError):
    """The contract cannot be served. The text names the RPC and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One `google.api.HttpRule`, or one of its additional bindings."""

    rpc: DescMethod
    method: str
    template: Template
    body: str
    response_body: str


def read_registry(contract: bytes) -> Registry:
    """Read a serialized `google.protobuf.FileDescriptorSet` that includes all imports.

    Raises:
        ContractError: It cannot be read.
    """
    try:
        return FileDescriptorSet.from_binary(contract).to_registry()
    except ValueError as error:
        raise ContractError(f"the contract cannot be read: {error}") from error


def bindings(registry: Registry, services: Collection[str]) -> Iterator[Binding]:
    """Yield the HTTP bindings of `services`, given by their full names, in the order written.

    Raises:
        ContractError: A service is missing, or a rule is not one that can be served.
    """
    option = registry.extension(HTTP_OPTION)
    for name in services:
        service = registry.service(name)
        if service is None:
            raise ContractError(f"the contract has no service {name}")
        if option is not None:
            yield from _of_service(service, option.type)


def full_name(rpc: DescMethod) -> str:
    """Return the full name of an RPC, such as `limen.users.v1.UserService.GetUser`."""
    return f"{rpc.parent.type_name}.{rpc.name}"


def _of_service(service: DescService, option: Any) -> Iterator[Binding]:
    for rpc in service.methods:
        options = rpc.proto.options
        if options is None or option not in options:
            continue
        if rpc.method_kind in _STREAMS_REQUESTS:
            raise ContractError(f"{full_name(rpc)} streams requests, which HTTP rules cannot say")
        rule = options[option]
        yield _binding(rpc, rule)
        for additional in rule.additional_bindings:
            if additional.additional_bindings:
                raise ContractError(f"{full_name(rpc)} nests additional bindings")
            yield _binding(rpc, additional)


def _binding(rpc: DescMethod, rule: Any) -> Binding:
    method, path = _pattern(rpc, rule.pattern)
    try:
        template = parse(path)
    except TemplateError as error:
        raise ContractError(f"{full_name(rpc)}: {error}") from error
    if rule.body and method in ("GET", "HEAD"):
        raise ContractError(f"{full_name(rpc)} reads a body on {method}, which has none")
    return Binding(rpc, method, template, rule.body, rule.response_body)


def _pattern(rpc: DescMethod, pattern: Oneof[str, Any] | None) -> tuple[str, str]:
    if pattern is None:
        raise ContractError(f"{full_name(rpc)} has an HTTP rule without a path")
    if pattern.field == "custom":
        return pattern.value.kind.upper(), pattern.value.path
    return _VERBS[pattern.field], pattern.value
