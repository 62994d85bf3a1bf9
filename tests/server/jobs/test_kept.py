"""Keeping mail in files."""

import json
from uuid import UUID

import pytest

from server.jobs.kept import KeptMailer
from server.jobs.mail import Mail


def mail(number=1, to="ada@example.org"):
    job_id = UUID(int=(7 << 76) | (2 << 62) | number)
    return Mail(to=to, subject="Grüße", text="Text", html="<p>", job_id=job_id)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data" / "mail"


@pytest.fixture
def mailer(folder, clock):
    return KeptMailer(folder=folder, clock=clock)


async def test_keeps_what_a_reader_needs(mailer, folder, clock):
    await mailer.send(mail())
    (file,) = folder.iterdir()
    assert file.suffix == ".json"
    assert json.loads(file.read_bytes()) == {
        "to": "ada@example.org",
        "subject": "Grüße",
        "text": "Text",
        "html": "<p>",
        "time": clock.now().isoformat(),
    }


async def test_only_its_owner_can_read_it(mailer, folder):
    folder.mkdir(parents=True, mode=0o755)
    folder.chmod(0o755)
    await mailer.send(mail())
    (file,) = folder.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600


async def test_another_attempt_leaves_one_message(mailer, folder):
    await mailer.send(mail())
    await mailer.send(mail())
    assert len(list(folder.iterdir())) == 1


async def test_what_a_killed_attempt_left_is_replaced(mailer, folder):
    folder.mkdir(parents=True)
    (folder / f"{mail().job_id}.json.part").write_bytes(b'{"to": "hal')
    await mailer.send(mail())
    (file,) = folder.iterdir()
    assert json.loads(file.read_bytes())["to"] == "ada@example.org"


async def test_keeps_the_newest(mailer, folder, monkeypatch):
    monkeypatch.setattr("server.jobs.kept._MOST", 3)
    for number in range(1, 6):
        await mailer.send(mail(number))
    assert sorted(file.stem for file in folder.iterdir()) == [
        str(mail(number).job_id) for number in (3, 4, 5)
    ]
