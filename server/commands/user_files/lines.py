"""Lines of a file, of bounded length."""

from collections.abc import Iterator
from typing import BinaryIO

_LONGEST = 128 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The lines that are not empty, with their numbers; None for one that is absurdly long."""
    number = 0
    while line := file.readline(_LONGEST):
        number += 1
        if not line.endswith(b"\n") and len(line) == _LONGEST:
            _skip(file)
            yield number, None
            continue
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if line := line.strip(b" \t\r\n"):
            yield number, line


def _skip(file: BinaryIO) -> None:
    while (rest := file.readline(_LONGEST)) and not rest.endswith(b"\n"):
        pass
