"""Comma-separated values (RFC 4180) in UTF-8, with the fields of limen's own format in the head."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from server.commands.user_files.jsonl import FIELDS
from server.commands.user_files.rows import (
    Row,
    UnreadableFileError,
    UnreadableRowError,
    failure,
)
from server.users.importing import ImportedUser

_LONGEST_LINE = 128 * 1024
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}


def read(file: BinaryIO) -> Iterator[Row]:
    """Reads the rows. Raises `UnreadableFileError` for a head with other fields."""
    records = _records(file)
    _, names = next(records, (1, []))
    unknown = sorted(set(names) - set(FIELDS))
    if "email" not in names or unknown or len(set(names)) < len(names):
        raise UnreadableFileError(
            f"the first line must name the fields: email, and any of {', '.join(FIELDS[1:])}"
        )
    for number, record in records:
        try:
            yield _user(number, names, record)
        except UnreadableRowError as error:
            yield failure(number, error)


def _records(file: BinaryIO) -> Iterator[tuple[int, Sequence[str]]]:
    """The records of a file that are not empty, and the numbers of the lines they end on.

    Raises `UnreadableFileError`.
    """
    records = csv.reader(_lines(file), strict=True)
    try:
        for record in records:
            if record:
                yield records.line_num, record
    except csv.Error as error:
        raise UnreadableFileError(f"line {records.line_num}: {error}") from error


def _lines(file: BinaryIO) -> Iterator[str]:
    """The lines as text. Bytes that are not UTF-8 become halves of characters, which no account
    can have.
    """
    mark = b"\xef\xbb\xbf"
    while line := file.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise UnreadableFileError(f"the file has a line of more than {_LONGEST_LINE} bytes")
        yield line.removeprefix(mark).decode(errors="surrogateescape")
        mark = b""


def flag(value: str, name: str) -> bool:
    """What a word says. Raises `UnreadableRowError` for one that says neither."""
    said = _FLAGS.get(value.strip().lower())
    if said is None:
        raise UnreadableRowError(name, "This should be true or false.")
    return said


def _user(number: int, names: Sequence[str], record: Sequence[str]) -> ImportedUser:
    if len(record) != len(names):
        raise UnreadableRowError("", "This line has more or fewer fields than the first one.")
    fields: Mapping[str, str] = dict(zip(names, record, strict=True))
    return ImportedUser(
        line=number,
        email=fields["email"],
        email_verified=flag(fields.get("email_verified", ""), "email_verified"),
        display_name=fields.get("display_name", ""),
        locale=fields.get("locale", ""),
        password_hash=fields.get("password_hash", ""),
    )
