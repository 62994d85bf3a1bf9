"""Figures as a Markdown table, and its place in a document."""

import re
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Bound, Figure

_HEAD = ("What", "limen", "Beside it", "Result", "Target", "Aim", "")
_BETWEEN_MARKERS = re.compile(r"(<!-- bench -->\n).*?(<!-- /?bench -->)", re.DOTALL)


class NoMarkersError(Exception):
    """The document does not say where the table belongs."""


def markdown(figures: Sequence[Figure], notes: Sequence[str]) -> str:
    """The table, and below it the notes, a line each."""
    rows = [_HEAD, tuple("---" for _ in _HEAD), *(_row(figure) for figure in figures)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", *(f"{note}  " for note in notes)]).rstrip() + "\n"


def write(document: Path, table: str) -> None:
    """Puts the table between `<!-- bench -->` and `<!-- /bench -->`.

    Raises `NoMarkersError` if the document has no such lines.
    """
    text, found = _BETWEEN_MARKERS.subn(
        lambda match: match[1] + table + match[2], document.read_text(), count=1
    )
    if not found:
        raise NoMarkersError(
            f"{document} has no place for the table: add the lines <!-- bench --> and"
            " <!-- /bench -->"
        )
    document.write_text(text)


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        figure.what,
        figure.limen,
        figure.beside,
        figure.shown,
        _bound(figure.target),
        _bound(figure.aim),
        figure.verdict,
    )


def _bound(bound: Bound | None) -> str:
    return bound.text if bound is not None else ""
