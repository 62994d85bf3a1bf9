"""The table, and its place in a document."""

from pathlib import Path

import pytest

from bench import table
from bench.figures import Figure, at_least, at_most, ratio

NUMBERS = {"limen": 150.0, "baseline": 100.0, "beside": "bare", "unit": "calls/s"}


def test_a_row_says_what_was_asked_and_whether_it_holds() -> None:
    figure = ratio("speed", **NUMBERS, target=at_least(1), aim=at_least(2))
    *_, row, _, note = table.markdown([figure], ["a machine"]).splitlines()
    assert row == "| speed | 150 calls/s | bare: 100 calls/s | 1.50 | ≥ 1 | ≥ 2 | met |"
    assert note.strip() == "a machine"


@pytest.mark.parametrize(
    ("target", "aim", "verdict"),
    [
        (at_least(1), at_least(1.5), "aim met"),
        (at_least(1.5), None, "met"),
        (at_least(1.51), None, "**missed**"),
        (at_most(1.5), None, "met"),
        (at_most(1.49), None, "**missed**"),
        (None, at_most(1), "reported"),
    ],
)
def test_verdicts(target: object, aim: object, verdict: str) -> None:
    figure = Figure(what="", limen="", beside="", value=1.5, shown="", target=target, aim=aim)
    assert figure.verdict == verdict


@pytest.mark.parametrize("end", ["<!-- bench -->", "<!-- /bench -->"])
def test_only_the_table_between_the_markers_is_replaced(tmp_path: Path, end: str) -> None:
    document = tmp_path / "README.md"
    document.write_text(f"before\n<!-- bench -->\nold \\1\n{end}\nafter\n")
    for new in ("| \\1 |\n", "| new |\n"):
        table.write(document, new)
    assert document.read_text() == f"before\n<!-- bench -->\n| new |\n{end}\nafter\n"


def test_a_document_without_markers_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "README.md"
    document.write_text("nothing\n")
    with pytest.raises(table.NoMarkersError):
        table.write(document, "| new |\n")
    assert document.read_text() == "nothing\n"
