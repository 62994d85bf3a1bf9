"""The form of a message."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.jobs.mail import Mail, MailRefusedError, compose, sender

JOB_ID = UUID("019b5a3e-0000-7000-8000-000000000001")
_UNICODE = st.characters(codec="utf-8")
TIME = datetime(2030, 1, 1, tzinfo=UTC)


def composed(to="ada@example.org", subject="Hello", text="Text\n", html="<p>Hi</p>\n"):
    mail = Mail(to=to, subject=subject, text=text, html=html, job_id=JOB_ID)
    return compose(mail, origin=sender("limen <no-reply@limen.test>"), time=TIME)


def read(message):
    return message_from_bytes(message.as_bytes(), policy=default)


def test_reads_back_as_it_was_written():
    message = read(composed(subject="Grüße aus 東京", text="Schön.\n", html="<p>東京</p>\n"))
    assert message["From"] == "limen <no-reply@limen.test>"
    assert message["To"] == "ada@example.org"
    assert message["Subject"] == "Grüße aus 東京"
    assert message["Date"].datetime == TIME
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_body(("plain",)).get_content() == "Schön.\r\n"
    assert message.get_body(("html",)).get_content() == "<p>東京</p>\r\n"


def test_every_attempt_gives_the_same_message_id():
    assert composed()["Message-ID"] == f"<{JOB_ID}@limen.test>" == composed()["Message-ID"]


@given(st.text(_UNICODE), st.text(_UNICODE))
def test_fits_into_seven_bits_and_short_lines(subject, text):
    subject = " ".join(subject.splitlines())
    data = composed(subject=subject, text=text).as_bytes()
    assert data.isascii()
    assert max(map(len, data.split(b"\r\n"))) <= 998


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\n ", "\r\n\r\n"])
def test_a_subject_cannot_begin_another_header(end):
    with pytest.raises(ValueError, match="may not contain"):
        composed(subject=f"Hello{end}Bcc: eve@example.org")


ALIEN = [
    "",
    "ada",
    "@example.org",
    "ada@",
    "ada@example.org\nBcc: eve@example.org",
    "ada@example.org\r\n\r\nHello",
    "ada@example.org, eve@example.org",
    "Ada <ada@example.org>",
    "ada@example.org>",
    "ada @example.org",
    "ada@exa mple.org",
    "\x00@example.org",
]


@pytest.mark.parametrize("address", ALIEN)
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(MailRefusedError):
        composed(to=address)


@given(st.text(max_size=40))
def test_an_address_never_becomes_more_than_one(address):
    try:
        message = read(composed(to=address))
    except MailRefusedError:
        return
    assert len(message["To"].addresses) == 1
    assert message["Bcc"] is None
    assert message["Subject"] == "Hello"


@pytest.mark.parametrize("text", ["", "limen", "limen <>", "limen <a b@c>", "a@b\n"])
def test_a_sender_must_have_an_address(text):
    if text == "a@b\n":
        assert sender(text).addr_spec == "a@b"
        return
    with pytest.raises(ValueError, match=r".*"):
        sender(text)


def test_a_sender_may_lack_a_name():
    assert sender("no-reply@limen.test").display_name == ""
