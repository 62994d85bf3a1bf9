"""JSON too large to hold: one value a line, or the elements of one array."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import ijson  # type: ignore[import-untyped]  # has no types
import orjson

from server.commands.user_files import lines
from server.commands.user_files.rows import UnreadableFileError


def one_a_line(file: BinaryIO) -> Iterator[tuple[int, Any]]:
    """The values of a file with one on each line, and the numbers of the lines.

    Empty lines are passed over. For a line that is no JSON, or absurdly long, the value is None.
    """
    return ((number, line and _value(line)) for number, line in lines.read(file))


def elements(file: BinaryIO, path: str) -> Iterator[tuple[int, Any]]:
    """The elements of the array at a path, as ijson writes it, counted from 1.

    Raises `UnreadableFileError` where the file stops being JSON.
    """
    try:
        yield from enumerate(ijson.items(file, path, use_float=True), start=1)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise UnreadableFileError(f"the file is not whole JSON: {error}") from error


def begins_with(file: BinaryIO, sign: bytes) -> bool:
    """Whether the first thing in the file is this. The file stays at its beginning."""
    beginning = file.read(1024)
    file.seek(0)
    return beginning.lstrip(b" \t\r\n\xef\xbb\xbf").startswith(sign)


def _value(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
