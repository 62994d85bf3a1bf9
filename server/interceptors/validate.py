"""Innermost: the request keeps every rule that the contract declares for its fields."""

import json
import re
from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from protovalidate import Validator, Violation

from server import errors
from server.interceptors.call import Call

_LONGEST_KEY = 80


class Validate:
    """Checks requests with protovalidate, the same rules that the edge checks beforehand."""

    def __init__(self) -> None:
        self._validator = Validator()

    def warm(self, types: Iterable[Descriptor]) -> None:
        """Compiles the rules of these types: the first use of a type costs milliseconds."""
        for descriptor in types:
            self._validator.collect_violations(GetMessageClass(descriptor)())

    async def admit(self, _call: Call, request: Message | None) -> None:
        """Raises `errors.InvalidRequest` with one fault for each broken rule."""
        if request is not None:
            check(self._validator, request)


def check(validator: Validator, request: Message) -> None:
    """Raises `errors.InvalidRequest` with one fault for each rule that a request breaks."""
    broken = validator.collect_violations(request)
    if broken:
        raise errors.InvalidRequest(faults=[_fault(each) for each in broken])


def _fault(violation: Violation) -> errors.Fault:
    described = violation.proto
    return errors.Fault(
        field=_path(described.field.elements if described.field else ()),
        rule=described.rule_id,
        params=_params(violation),
        text=described.message,
    )


def _path(elements: Iterable[Any]) -> str:
    path = ""
    for element in elements:
        path += f".{element.field_name}" if path else element.field_name
        kind = element.subscript
        if kind is not None:
            path += f"[{_subscript(kind)}]"
    return path


def _subscript(kind: Any) -> str:
    if kind.field == "index":
        return str(kind.value)
    key = str(kind.value)
    # ASCII with escapes: callers make keys up, of any characters and length.
    return json.dumps(key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}...")


def _params(violation: Violation) -> dict[str, str]:
    """The limits that the sentence mentions, by their names in the contract."""
    rule = violation.proto.rule
    if rule is None or not rule.elements:
        return {}
    name = violation.proto.rule_id.rpartition(".")[2]
    if "lt" in name and "gt" in name:
        # A range is one rule with two limits, of which the violation names the first only.
        limits = re.findall(r"-?\d+(?:\.\d+)?", violation.proto.message)
        return dict(zip(name.replace("_exclusive", "").split("_"), limits, strict=False))
    return {rule.elements[-1].field_name: str(violation.rule_value)}
