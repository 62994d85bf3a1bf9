"""One run of an import: rows out of a file, batch by batch, into whatever takes them."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import BinaryIO

import orjson

from limen.messages import violation
from server.commands.import_progress import Bookmark, Counts, Display
from server.commands.user_files.rows import Reader, Row, UnreadableFileError
from server.users.importing import BATCH, Failure, ImportedUser, Report

Take = Callable[[Sequence[ImportedUser]], Awaitable[Report]]
"""Takes a batch of rows, for good or for show, and says what became of them."""

_MOST_SHOWN = 1000


class ImportRun:
    """Reads a file to its end. What is settled is counted, told, and noted in the bookmark.

    Args:
        file: The file, at its beginning.
        reader: Reads its format.
        counts: What is settled already; so many rows are passed over.
        display: Where to tell.
        listed: A file in which to list every row that could not be taken.
    """

    def __init__(
        self,
        *,
        file: BinaryIO,
        reader: Reader,
        counts: Counts,
        display: Display,
        listed: BinaryIO | None,
    ) -> None:
        self._file = file
        self._reader = reader
        self._display = display
        self._listed = listed
        self._shown = 0
        self.counts = counts

    async def run(self, take: Take, bookmark: Bookmark | None) -> None:
        """Takes all rows. Raises `UnreadableFileError` after those that can be read."""
        rows = self._reader(self._file)
        for _ in islice(rows, self.counts.rows):
            pass
        for batch in _batches(rows):
            await self._settle(batch, take)
            if bookmark is not None:
                bookmark.write(self.counts)
            self._display.show(self.counts, self._file.tell())
        if bookmark is not None:
            bookmark.remove()

    async def _settle(self, batch: Sequence[Row], take: Take) -> None:
        unreadable = [row for row in batch if isinstance(row, Failure)]
        report = Report(failed=len(unreadable), failures=unreadable)
        users = [row for row in batch if isinstance(row, ImportedUser)]
        if users:
            report.add(await take(users))
        self._tell(report.failures)
        self.counts.add(len(batch), report)

    def _tell(self, failures: Iterable[Failure]) -> None:
        for failure in sorted(failures, key=lambda failure: failure.line):
            fault = failure.fault
            message = violation(fault.rule, fault.params, "en") or fault.text
            self._list({"line": failure.line, "field": fault.field, "message": message})
            self._shown += 1
            if self._shown <= _MOST_SHOWN:
                place = f"line {failure.line}: {fault.field}".removesuffix(": ")
                self._display.say(f"{place}: {message}")
            elif self._shown == _MOST_SHOWN + 1:
                self._display.say("further rows that cannot be taken are counted, not shown")

    def _list(self, failure: dict[str, object]) -> None:
        if self._listed is not None:
            self._listed.write(orjson.dumps(failure, option=orjson.OPT_APPEND_NEWLINE))


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows in batches. If reading fails, those read before come first."""
    batch: list[Row] = []
    failure: UnreadableFileError | None = None
    try:
        for row in rows:
            batch.append(row)
            if len(batch) == BATCH:
                yield batch
                batch = []
    except UnreadableFileError as error:
        failure = error
    if batch:
        yield batch
    if failure is not None:
        raise failure
