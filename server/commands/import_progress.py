"""How far an import has come: shown to who waits, and kept for when it has to be started again."""

import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from server.users.importing import Report

_SHOW_EVERY = 1.0
_LOG_EVERY = 10.0


@dataclass(slots=True)
class Counts:
    """Rows of a file that are settled, and what became of them."""

    rows: int = 0
    created: int = 0
    existing: int = 0
    failed: int = 0

    def add(self, rows: int, report: Report) -> None:
        """Counts a batch."""
        self.rows += rows
        self.created += report.created
        self.existing += report.existing
        self.failed += report.failed

    def __str__(self) -> str:
        return (
            f"{self.rows:,} rows: {self.created:,} created, {self.existing:,} existing,"
            f" {self.failed:,} failed"
        )


class Bookmark:
    """A file that says how many rows of another are settled, as long as that stays as it is.

    It may lag behind by a batch; rows that are taken twice count as existing.
    """

    def __init__(self, path: Path, *, of: Path, format_name: str) -> None:
        self._path = path
        source = of.stat()
        self._of = {"size": source.st_size, "modified": source.st_mtime_ns, "format": format_name}

    def read(self) -> Counts:
        """Where to go on: the beginning, if the bookmark is missing or of another file."""
        try:
            kept = orjson.loads(self._path.read_bytes())
            return Counts(**kept["counts"]) if kept["of"] == self._of else Counts()
        except FileNotFoundError:
            return Counts()
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return Counts()  # cut short by a crash: begin again, which does no harm

    def write(self, counts: Counts) -> None:
        """Puts a new bookmark in the place of the old one."""
        new = self._path.with_name(self._path.name + ".new")
        new.write_bytes(orjson.dumps({"of": self._of, "counts": asdict(counts)}))
        new.replace(self._path)

    def remove(self) -> None:
        """Takes the bookmark out: the file has been read to its end."""
        self._path.unlink(missing_ok=True)


class Display:
    """Shows rows, rate and percentage on standard error: in one line that changes on a terminal,
    otherwise now and then.
    """

    def __init__(self, *, size: int, begin: Counts) -> None:
        self._size = max(size, 1)
        self._begin = begin.rows
        self._started = self._shown = time.monotonic()
        self._is_terminal = sys.stderr.isatty()

    def show(self, counts: Counts, place: int) -> None:
        """Shows how far it is, if there is time for that; `place` is the byte reached."""
        now = time.monotonic()
        if now - self._shown < (_SHOW_EVERY if self._is_terminal else _LOG_EVERY):
            return
        self._shown = now
        rate = (counts.rows - self._begin) / (now - self._started)
        percentage = 100 * min(place, self._size) // self._size
        line = f"{counts}, {rate:,.0f} rows/s, {percentage} %"
        sys.stderr.write(f"\r\x1b[K{line}" if self._is_terminal else f"{line}\n")
        sys.stderr.flush()

    def say(self, text: str) -> None:
        """Shows a line that stays."""
        sys.stderr.write(f"\r\x1b[K{text}\n" if self._is_terminal else f"{text}\n")
