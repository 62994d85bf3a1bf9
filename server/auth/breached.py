"""Passwords that are known from breaches of other services, looked up in a local file.

The file is the download of Have I Been Pwned: a line for each password, `<SHA-1 in hexadecimal
digits>:<how often it was seen>`, sorted by hash, many gigabytes long. It is mapped into memory and
searched by halves, so a look-up touches some forty pages of it, which the system may take back.

NIST SP 800-63B-4, section 3.1.1.2, asks for such a comparison.
"""

import hashlib
import mmap
import re
from pathlib import Path

from server.auth.passwords import normalize

_LINE = re.compile(rb"([0-9A-Fa-f]{40}):[0-9]{1,15}\r?")
_HASH = 40
# A hash, a colon, a count and the end of the line; longer ones are not of such a file.
_LONGEST_LINE = 64
_SAMPLES = 1000


class UnusableListError(Exception):
    """The list of breached passwords is missing or not what it should be; the text says which."""


class BreachedPasswords:
    """A sorted list of hashes on disk. Look-ups may wait for the disk: make them on a thread.

    The file must not be written to while it is open. To renew it, put another in its place and
    restart.

    Args:
        path: The file.

    Raises:
        UnusableListError: It is missing, empty, garbled or unsorted, as far as its first and last
            lines and a thousand in between tell.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with path.open("rb") as file:
                self._lines = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:  # ValueError: nothing in it
            raise UnusableListError(f"cannot use {path} as a list of passwords: {error}") from error
        # Reading ahead would fetch what the next step of a search does not need.
        self._lines.madvise(mmap.MADV_RANDOM)
        self._check()

    def contains(self, password: str) -> bool:
        """Whether a password is in the list, as it is typed or normalised."""
        return any(self._has(_digest(form)) for form in {password, normalize(password)})

    def close(self) -> None:
        """Gives the file back."""
        self._lines.close()

    def _has(self, digest: bytes) -> bool:
        low, high = 0, len(self._lines)
        while low < high:
            begin, end = self._line_around((low + high) // 2)
            found = self._digest_at(begin, end)
            if found == digest:
                return True
            low, high = (end, high) if found < digest else (low, begin)
        return False

    def _line_around(self, place: int) -> tuple[int, int]:
        """Where the line that holds a byte begins, and where the next one does."""
        begin = self._lines.rfind(b"\n", max(0, place - _LONGEST_LINE), place) + 1
        end = self._lines.find(b"\n", place, place + _LONGEST_LINE) + 1
        if begin == 0 and place >= _LONGEST_LINE:
            raise self._garbled(place)
        return begin, end or len(self._lines)

    def _digest_at(self, begin: int, end: int) -> bytes:
        text = self._lines[begin : min(end, begin + _LONGEST_LINE)]
        line = _LINE.fullmatch(text.removesuffix(b"\n"))
        if line is None:
            raise self._garbled(begin)
        return line[1].upper()

    def _check(self) -> None:
        size = len(self._lines)
        places = sorted({size * number // _SAMPLES for number in range(_SAMPLES)} | {size - 1})
        before, last = b"", -1
        for place in places:
            begin, end = self._line_around(place)
            if begin == last:
                continue
            found = self._digest_at(begin, end)
            if found <= before:
                raise UnusableListError(f"{self._path} is not sorted by hash, near byte {begin}")
            before, last = found, begin

    def _garbled(self, place: int) -> UnusableListError:
        return UnusableListError(
            f"{self._path} is not a list of SHA-1 hashes with counts, near byte {place}"
        )


def _digest(password: str) -> bytes:
    # What the list is made of; nothing is kept safe by it.
    sha1 = hashlib.sha1(password.encode(), usedforsecurity=False)
    return sha1.hexdigest().upper().encode()
