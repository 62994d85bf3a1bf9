"""Update masks of PATCH (AIP-134, AIP-161)."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from protobuf import DescField, DescFieldValueMap, DescMessage, Message

from edge.transcoding import kinds
from edge.transcoding.contract import Binding
from edge.transcoding.fault import FieldFault, invalid
from edge.transcoding.fields import inside, message_in
from edge.transcoding.guard import DEEPEST
from edge.transcoding.lexicon import Lexicon
from edge.transcoding.places import ROOT
from edge.transcoding.strict_json import JsonValue

_BEHAVIOR = "google.api.field_behavior"
_OUTPUT_ONLY, _IDENTIFIER = 3, 8
_EVERYTHING = "*"
_LONGEST_SHOWN = 80


class UpdateMask:
    """The field mask of one binding, which says which fields of the body count.

    Without paths it comes to mean the fields that the body has. Fields that the path fills, that
    only the server sets or that identify the resource are not among these: clients send them back
    as they got them.
    """

    def __init__(
        self,
        mask: DescField,
        mask_type: type[Message[Any]],
        body: DescField,
        resource: DescMessage,
        bound: Collection[str],
        lexicon: Lexicon,
        *,
        checks: bool,
    ) -> None:
        self._checks = checks
        self._mask = mask
        self._mask_type = mask_type
        self._body = body
        self._resource = resource
        self._bound = bound
        self._fields = lexicon.fields
        option = lexicon.registry.extension(_BEHAVIOR)
        self._behavior: Any = option.type if option is not None else None

    def complete(self, message: Message[Any], tree: dict[str, JsonValue]) -> None:
        """Give the mask of `message` the fields that `tree`, which it was made from, has.

        Raises:
            Fault: The mask has paths, which are to be checked, and one of them leads nowhere.
        """
        mask = message[self._mask]
        if mask is not None and mask.paths:
            if self._checks:
                self._check(mask.paths)
            return
        content = tree.get(self._body.json_name)
        if isinstance(content, dict):
            if mask is None:
                mask = message[self._mask] = self._mask_type()
            mask.paths.extend(self._present(self._resource, content, ""))

    def _check(self, paths: Collection[str]) -> None:
        place = str(ROOT.member(self._mask.json_name))
        faults = [
            FieldFault(place, "mask.unknown", f"names {path[:_LONGEST_SHOWN]!r}, which is no field")
            for path in paths
            if path != _EVERYTHING and not self._exists(path.split("."))
        ]
        if faults:
            raise invalid(faults)

    def _exists(self, names: Sequence[str]) -> bool:
        for depth in range(1, min(len(names), DEEPEST) + 1):
            chain = self._fields.chain(self._resource, names[:depth])
            if chain is None:
                return False
            if isinstance(chain[-1].value, DescFieldValueMap):
                # What follows is a key, which need not exist yet.
                return True
        return len(names) <= DEEPEST

    def _present(self, message: DescMessage, content: JsonValue, prefix: str) -> Iterator[str]:
        for name, value in content.items():
            field = self._fields.by_name(message)[name]
            path = f"{prefix}{field.name}"
            if f"{self._body.name}.{path}" in self._bound or self._is_for_the_server(field):
                continue
            inner = inside(field)
            if inner is not None and value:
                yield from self._present(inner, value, f"{path}.")
            else:
                yield path

    def _is_for_the_server(self, field: DescField) -> bool:
        options = field.proto.options
        if options is None or self._behavior is None or self._behavior not in options:
            return False
        return any(int(each) in (_OUTPUT_ONLY, _IDENTIFIER) for each in options[self._behavior])


def update_mask(
    binding: Binding, bound: Collection[str], lexicon: Lexicon, *, checks: bool
) -> UpdateMask | None:
    """Return the update mask of a binding, or None if it has none.

    It has one if it is a PATCH whose body is a message beside exactly one field mask.
    """
    body = lexicon.fields.by_name(binding.rpc.input).get(binding.body)
    resource = inside(body) if body is not None else None
    masks = [(field, kind) for field in binding.rpc.input.fields if (kind := _mask_in(field))]
    if binding.method != "PATCH" or body is None or resource is None or len(masks) != 1:
        return None
    mask, kind = masks[0]
    return UpdateMask(mask, kind.type, body, resource, bound, lexicon, checks=checks)


def _mask_in(field: DescField) -> DescMessage | None:
    message = message_in(field)
    return message if message is not None and message.type_name == kinds.FIELD_MASK else None
