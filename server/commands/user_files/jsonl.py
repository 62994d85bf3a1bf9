"""limen's own format: one JSON object a line, with the fields of `ImportedUser` in the contract."""

from collections.abc import Iterator
from typing import BinaryIO

from server.commands.user_files import json_streams
from server.commands.user_files.rows import (
    Fields,
    Row,
    UnreadableRowError,
    flag,
    read_each,
    text,
)
from server.users.importing import ImportedUser

FIELDS = ("email", "email_verified", "display_name", "locale", "password_hash")


def read(file: BinaryIO) -> Iterator[Row]:
    """Reads the rows."""
    return read_each(json_streams.one_a_line(file), _user)


def _user(number: int, fields: Fields) -> ImportedUser:
    for name in fields:
        if name not in FIELDS:
            raise UnreadableRowError(
                name, f"There is no such field; there are {', '.join(FIELDS)}."
            )
    return ImportedUser(
        line=number,
        email=text(fields, "email"),
        email_verified=flag(fields, "email_verified"),
        display_name=text(fields, "display_name"),
        locale=text(fields, "locale"),
        password_hash=text(fields, "password_hash"),
    )
