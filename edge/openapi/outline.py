"""A document as an outline: services with their operations, in the order in which they are read."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edge.openapi.shapes import Row, Shape, Shapes

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+")
_PLACES = {"path": "Path", "query": "Query", "header": "Header"}
_INITIALISMS = {"api": "API", "csrf": "CSRF", "totp": "TOTP", "jwks": "JWKS", "id": "ID"}


@dataclass(frozen=True, slots=True)
class Content:
    """A body, of a request or of an answer."""

    description: str
    media_types: tuple[str, ...]
    shape: Shape | None
    """None: the contract leaves the form of the body open."""
    required: bool
    example: str
    """A JSON text, or nothing."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status with which an operation answers that it was refused."""

    status: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, ready to be shown."""

    id: str
    title: str
    method: str
    path: str
    summary: str
    description: str
    rpc: str
    deprecated: bool
    access: str
    """Who may call, in few words."""
    facts: dict[str, str]
    """The rest of the policy, by label."""
    parameters: dict[str, tuple[Row, ...]]
    """By the place they stand in."""
    request: Content | None
    response: Content
    refusals: tuple[Refusal, ...]
    sample: str


@dataclass(frozen=True, slots=True)
class Group:
    """One service."""

    name: str
    title: str
    service: str
    description: str
    operations: tuple[Operation, ...]


class Outline:
    """The outline of one document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._components = document["components"]
        self.shapes = Shapes(self._components["schemas"])

    def groups(self) -> tuple[Group, ...]:
        """Return the services, each with its operations in the order of the document."""
        operations = list(self._operations())
        return tuple(
            Group(
                name=tag["name"],
                title=_in_words(tag["name"].rpartition(".")[2].removesuffix("Service")),
                service=tag["x-limen-service"],
                description=tag["description"],
                operations=tuple(each for name, each in operations if name == tag["name"]),
            )
            for tag in self._document["tags"]
        )

    def _operations(self) -> Iterator[tuple[str, Operation]]:
        for path, item in self._document["paths"].items():
            for method, operation in item.items():
                yield operation["tags"][0], self._operation(method, path, operation)

    def _operation(self, method: str, path: str, operation: dict[str, Any]) -> Operation:
        rpc = operation["x-limen-rpc"]
        policy = operation.get("x-limen-policy", {})
        return Operation(
            id=operation["operationId"],
            title=_in_words(rpc.rpartition("/")[2]),
            method=method.upper(),
            path=path,
            summary=operation["summary"],
            description=operation["description"],
            rpc=rpc,
            deprecated=operation.get("deprecated", False),
            access=_access(operation, policy),
            facts=dict(_facts(policy)),
            parameters=self._parameters(operation),
            request=self._content(operation["requestBody"]) if "requestBody" in operation else None,
            response=self._content(operation["responses"]["200"]),
            refusals=tuple(self._refusals(operation)),
            sample=operation["x-codeSamples"][0]["source"],
        )

    def _parameters(self, operation: dict[str, Any]) -> dict[str, tuple[Row, ...]]:
        listed = [self._found(each, "parameters") for each in operation.get("parameters", ())]
        rows = {
            label: tuple(self._row(each) for each in listed if each["in"] == place)
            for place, label in _PLACES.items()
        }
        return {label: found for label, found in rows.items() if found}

    def _row(self, parameter: dict[str, Any]) -> Row:
        schema = {**parameter["schema"], "deprecated": parameter.get("deprecated", False)}
        return self.shapes.row(
            parameter["name"],
            schema,
            presence="required" if parameter["required"] else "",
            description=parameter["description"],
        )

    def _content(self, body: dict[str, Any]) -> Content:
        first = next(iter(body["content"].values()))
        example = first.get("example")
        return Content(
            description=body["description"],
            media_types=tuple(body["content"]),
            shape=self.shapes.shape(first["schema"]) if first["schema"] else None,
            required=body.get("required", False),
            example="" if example is None else json.dumps(example, indent=2, ensure_ascii=False),
        )

    def _refusals(self, operation: dict[str, Any]) -> Iterator[Refusal]:
        for status, listed in operation["responses"].items():
            if status != "200":
                response = self._found(listed, "responses")
                (content,) = response["content"].values()
                narrowed = content["schema"].get("properties", {}).get("reason", {})
                yield Refusal(status, tuple(narrowed.get("enum", ())))

    def _found(self, item: dict[str, Any], kind: str) -> dict[str, Any]:
        """Return what stands in the document, or what a reference there leads to."""
        name = item.get("$ref", "").rpartition("/")[2]
        found: dict[str, Any] = self._components[kind][name] if name else item
        return found


def _access(operation: dict[str, Any], policy: dict[str, Any]) -> str:
    if not operation["security"]:
        return "Public"
    return str(policy.get("permission") or "Signed in")


def _facts(policy: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if limit := policy.get("rateLimit"):
        calls = f"{limit['networkPerMinute']:,} a minute per network"
        if limit["callerPerMinute"]:
            calls += f", {limit['callerPerMinute']:,} per caller"
        yield "Rate limit", calls
    if event := policy.get("auditEvent"):
        yield "Audit event", event
    if policy.get("idempotent"):
        yield "Idempotent", "yes"


def _in_words(name: str) -> str:
    words = [word if word.isupper() else word.lower() for word in _WORDS.findall(name)]
    words = [_INITIALISMS.get(word, word) for word in words]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]]) if words else name
