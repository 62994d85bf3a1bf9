"""Validation before the hop: the `buf.validate` rules of the contract."""

from collections.abc import Iterator, Sequence
from typing import Any

from protobuf import (
    DescField,
    DescFieldValueEnum,
    DescFieldValueScalar,
    DescMessage,
    Message,
    Oneof,
    Registry,
)
from protovalidate import EvaluationError, Validator, Violation

from edge.transcoding.fault import Fault, FieldFault, invalid
from edge.transcoding.fields import Fields
from edge.transcoding.kinds import kind_of
from edge.transcoding.places import ROOT, Place

_FIELD_RULES = "buf.validate.field"


class Rules:
    """Checks messages against the rules that stand on their fields."""

    def __init__(self, registry: Registry, fields: Fields) -> None:
        self._validator = Validator(registry)
        self._fields = fields
        option = registry.extension(_FIELD_RULES)
        self._option: Any = option.type if option is not None else None

    def check(self, message: Message[Any]) -> None:
        """Check one message.

        Raises:
            Fault: It breaks a rule; there is one field fault for each that it breaks.
            protovalidate.CompilationError: See `prepare`.
        """
        try:
            violations = self._validator.collect_violations(message)
        except EvaluationError as error:
            raise invalid([_undecided(error)]) from error
        if violations:
            raise invalid(self._fault(message.desc(), violation) for violation in violations)

    def prepare(self, message: Message[Any]) -> None:
        """Compile the rules of the type of `message`, which may well break them.

        Raises:
            protovalidate.CompilationError: The contract has a rule that makes no sense.
        """
        try:
            self.check(message)
        except Fault:
            return

    def _fault(self, message: DescMessage, violation: Violation) -> FieldFault:
        proto = violation.proto
        steps = proto.field.elements if proto.field is not None else ()
        place, field = self._locate(message, steps)
        rule = proto.rule.elements if proto.rule is not None else ()
        return FieldFault(
            str(place),
            proto.rule_id,
            proto.message,
            dict(self._limits(field, [step.field_name for step in rule])),
        )

    def _locate(self, message: DescMessage, steps: Sequence[Any]) -> tuple[Place, DescField | None]:
        place = ROOT
        inner: DescMessage | None = message
        field: DescField | None = None
        for step in steps:
            field = self._fields.by_name(inner).get(step.field_name) if inner is not None else None
            # A `oneof` is no field, but it can be broken like one.
            place = place.member(field.json_name if field is not None else step.field_name)
            place = _subscript(place, step.subscript)
            kind = kind_of(field) if field is not None else None
            inner = kind if isinstance(kind, DescMessage) else None
        return place, field

    def _limits(self, field: DescField | None, rule: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the limits that stand beside the broken one, such as `gte` and `lte`."""
        options = field.proto.options if field is not None else None
        if options is None or self._option is None or self._option not in options:
            return
        limits = options[self._option]
        for name in rule[:-1]:
            limits = limits[self._fields.by_name(limits.desc())[name]]
        for limit in limits:
            if isinstance(limit.value, DescFieldValueScalar | DescFieldValueEnum):
                yield limit.name, _text(limits[limit])


def _subscript(place: Place, subscript: Oneof[str, Any] | None) -> Place:
    if subscript is None:
        return place
    if subscript.field == "index":
        return place.item(subscript.value)
    return place.entry(_text(subscript.value))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _undecided(error: EvaluationError) -> FieldFault:
    return FieldFault("", "rule.undecided", f"cannot be validated: {error}")
