"""Requests that keep every rule, made from the rules."""

import itertools
import json
import uuid
from collections.abc import Iterator
from functools import cache
from typing import Any

from buf.validate import validate_pb2
from google.api import field_behavior_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import find
from hypothesis import strategies as st
from protovalidate import Validator

from tests.flows.bad_input.rpcs import Chain, Rpc, behaves, has_fields, is_map

LONGEST_KEY = 80

_VALIDATOR = Validator()
_COUNT = itertools.count()
_WORDS = ("swept", "correct horse battery staple", "x.swept.test", "de")
_NUMBERS = (0, 1, 2, 10, 100, 1000, -1)


def request_for(rpc: Rpc, target: Chain = ()) -> Message:
    """A request that keeps every rule, fresh in every value that may be there only once.

    It holds what is required, and the message that the field `target` lies in.
    """
    request = rpc.request()
    needed = {variable.split(".")[0] for variable in rpc.variables}
    inner = {variable.rpartition(".")[2] for variable in rpc.variables}
    _fill(request, needed | {field.name for field in target[:-1]}, inner)
    assert not list(broken(request)), f"{rpc}: no request that keeps every rule has been found"
    return request


def broken(request: Message) -> Iterator[tuple[str, str]]:
    """The fields of a request that break a rule, as paths in proto names, with the rule."""
    for violation in _VALIDATOR.collect_violations(request):
        proto = violation.proto
        elements = proto.field.elements if proto.field is not None else ()
        yield ".".join(_step(element) for element in elements), proto.rule_id


def put(request: Message, chain: Chain, value: Any) -> None:
    """Sets a field of a request to a value; None takes it away."""
    *outer, leaf = chain
    message: Any = request
    for field in outer:
        message = getattr(message, field.name)
        message.SetInParent()
    message.ClearField(leaf.name)
    if value is None:
        return
    if is_map(leaf):
        getattr(message, leaf.name).update(value)
    elif leaf.is_repeated:
        getattr(message, leaf.name).extend(value)
    elif leaf.message_type is not None:
        getattr(message, leaf.name).CopyFrom(value)
    else:
        setattr(message, leaf.name, value)


def text_rules(field: FieldDescriptor) -> validate_pb2.StringRules:
    return field.GetOptions().Extensions[validate_pb2.field].string


def _fill(message: Message, needed: set[str], inner: set[str]) -> None:
    for field in message.DESCRIPTOR.fields:
        is_identifier = behaves(field, field_behavior_pb2.IDENTIFIER) and field.name in inner
        is_wanted = behaves(field, field_behavior_pb2.REQUIRED) or field.name in needed
        if not is_wanted and not is_identifier:
            continue
        if has_fields(field):
            part = getattr(message, field.name)
            part.SetInParent()
            _fill(part, needed, inner)
        else:
            put(message, (field,), _value(field))
    for oneof in message.DESCRIPTOR.oneofs:
        if oneof.GetOptions().Extensions[validate_pb2.oneof].required:
            put(message, (oneof.fields[0],), _value(oneof.fields[0]))


def _value(field: FieldDescriptor) -> Any:
    """The first value for a field that keeps its rules."""
    for candidate in _candidates(field):
        alone = GetMessageClass(field.containing_type)()
        put(alone, (field,), candidate)
        if all(path.split("[")[0] != field.name for path, _ in broken(alone)):
            return candidate
    raise AssertionError(f"no value for {field.full_name} has been found that keeps its rules")


def _candidates(field: FieldDescriptor) -> Iterator[Any]:
    if is_map(field):
        yield {}
        key, value = field.message_type.fields
        yield {_value(key): _value(value)}
    elif field.is_repeated:
        yield []
        if field.message_type is not None:
            item = GetMessageClass(field.message_type)()
            _fill(item, set(), set())
            yield [item]
    elif field.message_type is not None:
        yield GetMessageClass(field.message_type)()
    elif field.enum_type is not None:
        yield from (value.number for value in field.enum_type.values if value.number)
    elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        yield from _texts(field)
    else:
        yield from _NUMBERS


def _texts(field: FieldDescriptor) -> Iterator[Any]:
    if field.type == FieldDescriptor.TYPE_BYTES:
        yield from (word.encode() for word in _WORDS)
        return
    yield from _WORDS
    yield f"swept-{next(_COUNT):06}@example.com"
    yield str(uuid.uuid4())
    if pattern := text_rules(field).pattern:
        yield _matching(pattern)


@cache
def _matching(pattern: str) -> str:
    """The simplest text that matches, which takes seconds to find for some."""
    return find(st.from_regex(pattern, fullmatch=True), bool)


def _step(element: Any) -> str:
    kind = element.subscript
    if kind is None:
        return str(element.field_name)
    if kind.field == "index":
        return f"{element.field_name}[{kind.value}]"
    key = kind.value if len(kind.value) <= LONGEST_KEY else f"{kind.value[:LONGEST_KEY]}..."
    return f"{element.field_name}[{json.dumps(key)}]"
