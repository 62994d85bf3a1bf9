"""What readers of all formats give, and how they take values out of JSON."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, BinaryIO, TypeAlias

from server.errors import Fault
from server.users.importing import Failure, ImportedUser

Row: TypeAlias = "ImportedUser | Failure"
Reader = Callable[[BinaryIO], Iterator[Row]]
"""Reads the rows of a file, from its beginning."""

Fields = Mapping[str, Any]
"""A JSON object."""


class UnreadableFileError(Exception):
    """The file is not of the format it is said to be; the text says where that shows."""


class UnreadableRowError(Exception):
    """A row cannot be taken; the text says why, without what stands in it."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def read_each(
    objects: Iterable[tuple[int, Any]], read: Callable[[int, Fields], ImportedUser]
) -> Iterator[Row]:
    """Reads numbered JSON values that should be objects; those that are not are failures."""
    for number, value in objects:
        try:
            yield read(number, _object(value))
        except UnreadableRowError as error:
            yield failure(number, error)


def failure(number: int, error: UnreadableRowError) -> Failure:
    """The failure of a row that cannot be read."""
    return Failure(number, Fault(error.field, "row.unreadable", text=str(error)))


def _object(value: Any) -> Fields:
    if not isinstance(value, Mapping):
        raise UnreadableRowError("", "This is not a JSON object.")
    return value


def text(fields: Fields, name: str) -> str:
    """The text of this name, '' where it is missing or null. Raises `UnreadableRowError`."""
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnreadableRowError(name, "This should be text.")
    return value


def flag(fields: Fields, name: str) -> bool:
    """Whether this is true; missing or null, it is not. Raises `UnreadableRowError`."""
    value = fields.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise UnreadableRowError(name, "This should be true or false.")
    return value


def inner(fields: Fields, name: str) -> Fields:
    """The object of this name, empty where it is missing. Raises `UnreadableRowError`."""
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UnreadableRowError(name, "This should be an object.")
    return value


def objects(fields: Fields, name: str) -> list[Fields]:
    """The objects in the list of this name, empty where it is missing.

    Raises `UnreadableRowError`.
    """
    value = fields.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise UnreadableRowError(name, "This should be a list of objects.")
    return value


def refuse_disabled(is_disabled: bool) -> None:
    """Raises `UnreadableRowError` for an account that was closed: it would be open again here."""
    if is_disabled:
        raise UnreadableRowError("state", "The account is disabled where it comes from.")


def locale(tag: str) -> str:
    """A language tag, also where it is written as POSIX does: `pt_BR` is `pt-BR`."""
    return tag.replace("_", "-")
