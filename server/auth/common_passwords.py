"""The passwords that guessers try first: how the list beside this file is read and how it is made.

`common_passwords.txt.gz` holds some sixty thousand common passwords, words and names,
unmasked (see `disguises`), one a line. They come from the frequency lists of the package
`zxcvbn` (MIT licence; the notice stands at the head of the file), which is needed to make
the list anew and for nothing else:

    from pathlib import Path
    from zxcvbn.frequency_lists import FREQUENCY_LISTS
    from server.auth.common_passwords import build

    passwords = FREQUENCY_LISTS.pop("passwords")
    words = [word for ranked in FREQUENCY_LISTS.values() for word in ranked[:12_000]]
    Path("server/auth/common_passwords.txt.gz").write_bytes(build(passwords + words))
"""

import gzip
import io
from collections.abc import Container, Iterable
from importlib import resources

from server.auth.disguises import readings, unmask

LONGEST = 24
"""The most code points of a word on the list."""

_SHORTEST = 4
"""Shorter words stand in too many good passwords by chance."""

_NOTICE = """\
Common passwords, words and names, unmasked; made by server/auth/common_passwords.py
from the frequency lists of zxcvbn 4.5.0, which are under the MIT licence:

Copyright (c) 2012-2016 Dan Wheeler and Dropbox, Inc.
Copyright (c) 2016 Daniel Wolf

Permission is hereby granted, free of charge, to any person obtaining a copy of this
software and associated documentation files (the "Software"), to deal in the Software
without restriction, including without limitation the rights to use, copy, modify, merge,
publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons
to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED,
INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR
PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE
FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER
DEALINGS IN THE SOFTWARE.
"""

_HEAD_ENDS = "----\n"


def load() -> frozenset[str]:
    """The list that comes with limen: some 20 ms and 6 MB."""
    packed = resources.files(__package__).joinpath("common_passwords.txt.gz").read_bytes()
    return parse(packed)


def parse(packed: bytes) -> frozenset[str]:
    """Reads a list that `build` made."""
    with gzip.open(io.BytesIO(packed), "rt", encoding="utf-8") as lines:
        for line in lines:
            if line == _HEAD_ENDS:
                break
        return frozenset(line.rstrip("\n") for line in lines)


def build(words: Iterable[str]) -> bytes:
    """Makes the list from words as people type them, and leaves out what it would find anyway."""
    usable = [word for word in words if _SHORTEST <= len(word) <= LONGEST]
    unmasked = frozenset(map(unmask, usable))
    kept = {unmask(word) for word in usable if not _is_found_without(word, unmasked)}
    text = _NOTICE + _HEAD_ENDS + "".join(f"{word}\n" for word in sorted(kept))
    return gzip.compress(text.encode(), mtime=0)


def _is_found_without(word: str, others: Container[str]) -> bool:
    return any(decoration and core in others for core, decoration in readings(word, LONGEST))
