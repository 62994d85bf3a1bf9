"""The RPCs of the contract as something to attack: their fields, their routes, their policies."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import Struct

from edge.field_names import json_path
from limen.options.v1 import options_pb2
from server.app import SERVICES

Tree = dict[str, Any]
Chain = tuple[FieldDescriptor, ...]
"""Fields that lead from a request to one of its fields, at any depth."""

_VARIABLE = re.compile(r"\{([^}=]+)(?:=[^}]*)?\}")
_OWN_JSON = "google.protobuf."


class UnsayableError(Exception):
    """A message that JSON cannot say."""


@dataclass(frozen=True)
class RestRequest:
    """One request as it goes over HTTP."""

    method: str
    target: str
    body: bytes | None
    streams: bool = False
    """Whether the answer has no end, unless it is a refusal."""


@dataclass(frozen=True)
class Rpc:
    """One RPC."""

    method: MethodDescriptor

    def __str__(self) -> str:
        return self.method.name

    @property
    def path(self) -> str:
        """The path of its gRPC calls."""
        return f"/{self.method.containing_service.full_name}/{self.method.name}"

    @cached_property
    def policy(self) -> options_pb2.Policy:
        return self.method.GetOptions().Extensions[options_pb2.policy]

    @property
    def is_public(self) -> bool:
        return self.policy.public

    @property
    def own_field(self) -> str:
        return self.policy.own_field

    @property
    def streams(self) -> bool:
        return self.method.server_streaming

    @cached_property
    def _rule(self) -> Any:
        return self.method.GetOptions().Extensions[annotations_pb2.http]

    @property
    def verb(self) -> str:
        """The HTTP method; empty for RPCs that HTTP does not have."""
        return (self._rule.WhichOneof("pattern") or "").upper()

    @property
    def template(self) -> str:
        return getattr(self._rule, self.verb.lower()) if self.verb else ""

    @property
    def shape(self) -> str:
        """The path without the names of its variables."""
        return _VARIABLE.sub("{}", self.template)

    def has_path(self, path: str) -> bool:
        """Whether this is one of its paths, though perhaps not with one of its methods."""
        parts = map(re.escape, self.shape.split("{}"))
        return re.fullmatch("[^/:]+".join(parts), path) is not None

    @property
    def body(self) -> str:
        """The field that the body fills; `*` for all that is left, empty for none."""
        return self._rule.body

    @property
    def variables(self) -> tuple[str, ...]:
        """The fields that the path fills, as paths in proto names."""
        return tuple(_VARIABLE.findall(self.template))

    def request(self) -> Message:
        """An empty request."""
        return GetMessageClass(self.method.input_type)()

    def fields(self, *, settable: bool = True) -> list[Chain]:
        """Every field of a request, those of messages in it too.

        Those that only the server sets, and that callers may send back, are left out if `settable`.
        """
        return list(_fields_of(self.method.input_type, (), settable=settable))

    def rest(self, request: Message) -> RestRequest | None:
        """A request as HTTP has it; None if HTTP cannot say it."""
        try:
            return self.rest_of_tree(tree_of(request))
        except UnsayableError:
            return None

    def rest_of_tree(self, tree: Tree, raw_body: bytes | None = None) -> RestRequest | None:
        """The same for a request in JSON, with the names of JSON.

        The variables are taken from `tree` even where `raw_body` is the body.
        """
        tree = json.loads(json.dumps(tree))
        target = self.template
        for variable in self.variables:
            value = _pop(tree, json_path(variable).split("."))
            if not isinstance(value, str) or not value:
                return None
            target = target.replace(f"{{{variable}}}", quote(value, safe=""))
        content = self._content(tree)
        if query := urlencode(list(_parameters(tree, "")), doseq=True):
            target = f"{target}?{query}"
        body = None if content is None else json.dumps(content, ensure_ascii=False).encode()
        return RestRequest(
            self.verb, target, body if raw_body is None else raw_body, streams=self.streams
        )

    def _content(self, tree: Tree) -> Any:
        """What goes into the body, if anything does; it is taken out of `tree`."""
        if self.body == "*":
            content = dict(tree)
            tree.clear()
            return content
        return tree.pop(json_path(self.body), None) if self.body else None

    def name_over_rest(self, path: str) -> str:
        """A field path of gRPC as the clients of this route know it."""
        name = json_path(path)
        body = json_path(self.body)
        if self.body in ("", "*") or not (f"{name}.").startswith(f"{body}."):
            return name
        return name.removeprefix(body).removeprefix(".")


RPCS = [Rpc(method) for service in SERVICES for method in service.methods]
OVER_REST = [rpc for rpc in RPCS if rpc.verb]
WITH_FIELDS = [rpc for rpc in RPCS if rpc.method.input_type.fields]
"""Those that can be told something. The others take whatever is sent for nothing."""


def behaves(field: FieldDescriptor, behaviour: int) -> bool:
    """Whether the contract says so of a field (AIP-203)."""
    return behaviour in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]


def is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def has_fields(field: FieldDescriptor) -> bool:
    """Whether a field is a single message that shows its fields in JSON."""
    return (
        field.message_type is not None
        and not field.is_repeated
        and not field.message_type.full_name.startswith(_OWN_JSON)
    )


def path_of(chain: Chain) -> str:
    """The path of a field in proto names."""
    return ".".join(field.name for field in chain)


def tree_of(message: Message) -> Tree:
    """A message in JSON, also where it breaks rules that other converters hold it to.

    Raises `UnsayableError` for a field mask that JSON has no words for.
    """
    return {field.json_name: _json(field, value) for field, value in message.ListFields()}


def _fields_of(message: Descriptor, outer: Chain, *, settable: bool) -> Iterator[Chain]:
    for field in message.fields:
        if settable and behaves(field, field_behavior_pb2.OUTPUT_ONLY):
            continue
        yield (*outer, field)
        if has_fields(field) and field.message_type not in [each.message_type for each in outer]:
            yield from _fields_of(field.message_type, (*outer, field), settable=settable)


def _json(field: FieldDescriptor, value: Any) -> Any:
    if is_map(field):
        return {str(key): value[key] for key in value}
    if field.is_repeated:
        return [_json_of_one(field, each) for each in value]
    return _json_of_one(field, value)


def _json_of_one(field: FieldDescriptor, value: Any) -> Any:
    if isinstance(value, FieldMask):
        return ",".join(map(_mask_path, value.paths))
    if isinstance(value, Struct):
        return _free(value)
    if isinstance(value, Message):
        return tree_of(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else value
    return str(value) if field.cpp_type == FieldDescriptor.CPPTYPE_INT64 else value


def _free(struct: Struct) -> Tree:
    try:
        tree: Tree = MessageToDict(struct)
    except ValueError as error:  # JSON has no numbers beyond all bounds.
        raise UnsayableError(str(struct)) from error
    return tree


def _mask_path(path: str) -> str:
    if not path or path != path.lower():
        raise UnsayableError(path)
    return json_path(path)


def _parameters(tree: Tree, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _parameters(value, f"{prefix}{name}.")
        elif isinstance(value, bool):
            yield f"{prefix}{name}", str(value).lower()
        else:
            yield f"{prefix}{name}", value


def _pop(tree: Tree, names: list[str]) -> Any:
    *outer, last = names
    for name in outer:
        tree = tree.get(name, {})
    return tree.pop(last, None)
