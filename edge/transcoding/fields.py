"""Finds fields by the names that ProtoJSON accepts for them."""

from collections.abc import Mapping, Sequence

from protobuf import DescField, DescFieldValueMessage, DescMessage

from edge.transcoding.kinds import has_own_json

Chain = tuple[DescField, ...]
"""Fields that lead from a message into the messages it holds; never empty."""


class Fields:
    """The fields of messages by both of their names: `display_name` and `displayName`."""

    def __init__(self) -> None:
        self._names: dict[str, Mapping[str, DescField]] = {}

    def by_name(self, message: DescMessage) -> Mapping[str, DescField]:
        """Return the fields of a message."""
        names = self._names.get(message.type_name)
        if names is None:
            names = {
                name: field for field in message.fields for name in (field.name, field.json_name)
            }
            self._names[message.type_name] = names
        return names

    def chain(self, message: DescMessage, names: Sequence[str]) -> Chain | None:
        """Return the fields that `names` lead along; None if there are none."""
        chain: list[DescField] = []
        inner = None if has_own_json(message) else message
        for name in names:
            field = self.by_name(inner).get(name) if inner is not None else None
            if field is None:
                return None
            chain.append(field)
            inner = inside(field)
        return tuple(chain)


def message_in(field: DescField) -> DescMessage | None:
    """Return the message that a field holds; None if it holds anything else, or several."""
    return field.value.message if isinstance(field.value, DescFieldValueMessage) else None


def inside(field: DescField) -> DescMessage | None:
    """Return the message that a field holds, if it has fields that show in JSON."""
    message = message_in(field)
    return None if message is None or has_own_json(message) else message


def proto_path(chain: Chain) -> str:
    """Return the path of a field in proto names, such as `user.display_name`."""
    return ".".join(field.name for field in chain)
