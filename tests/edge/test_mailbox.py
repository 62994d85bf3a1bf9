import json

import pytest

from edge.mailbox import Mailbox, render


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "mail"


def keep(folder, name, **fields):
    folder.mkdir(exist_ok=True)
    message = {"to": "a@b.example", "subject": name, "text": "", "html": "", "time": "T"} | fields
    (folder / f"{name}.json").write_text(json.dumps(message))


def test_the_newest_comes_first(folder):
    for name in ("2026-01-01", "2026-01-03", "2026-01-02"):
        keep(folder, name)
    subjects = [mail["subject"] for mail in Mailbox(folder).messages()]
    assert subjects == ["2026-01-03", "2026-01-02", "2026-01-01"]


def test_a_folder_that_is_not_there_is_empty(folder):
    assert Mailbox(folder).messages() == []
    assert "There is no mail yet" in render([])


def test_what_is_no_mail_is_passed_over(folder):
    keep(folder, "1", extra="not shown", text=None)
    (folder / "2.json").write_text('{"to": "a')
    (folder / "3.json").write_text("[]")
    (folder / "4.json").write_bytes(b"\xff\xfe\xff")
    (folder / "5.json").mkdir()
    (folder / "6.txt").write_text("{}")
    [mail] = Mailbox(folder).messages()
    assert set(mail) == {"to", "subject", "text", "html", "time"}
    assert mail["text"] == ""


def test_only_the_latest_are_shown(folder):
    for number in range(205):
        keep(folder, f"{number:03}")
    assert len(Mailbox(folder).messages()) == 200


def test_no_mail_breaks_out_of_its_frame():
    evil = '"></iframe><script>alert(1)</script>'
    page = render([dict.fromkeys(("to", "subject", "text", "html", "time"), evil)])
    assert "<script>" not in page
    assert page.count("<iframe") == page.count("</iframe>") == 1
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
