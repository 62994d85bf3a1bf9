"""Handing mail to a real SMTP server: encrypted, verified, and refused."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from uuid import UUID

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from server.jobs.mail import Mail, MailRefusedError, sender
from server.jobs.smtp import SmtpMailer, SmtpServer

MAIL = Mail(
    to="ada@example.org",
    subject="Grüße",
    text=".\n.leading dots\n",
    html="<p>Hi</p>",
    job_id=UUID("019b5a3e-0000-7000-8000-000000000001"),
)


class Office:
    """Takes mail, unless told what else to answer."""

    def __init__(self):
        self.mail = []
        self.answers = {}

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, session, envelope):  # noqa: N802
        self.mail.append((session, envelope))
        return self.answers.get("DATA", "250 OK")


class Slow(SMTP):
    """Does not answer QUIT."""

    async def smtp_QUIT(self, _arg):  # noqa: N802
        await asyncio.Event().wait()


@pytest.fixture
def office():
    return Office()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1, which nobody trusts by itself, and its key."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(alternative, critical=False)
        .sign(key, SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(pem + made.public_bytes(Encoding.PEM))
    return file


@pytest.fixture
def serving(certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    @asynccontextmanager
    async def serve(office, scheme="smtp", protocol=SMTP, credentials="", **options):
        options.setdefault("tls_context", context if scheme == "smtp+starttls" else None)
        server = await asyncio.get_running_loop().create_server(
            lambda: protocol(office, hostname="office.test", **options),
            "127.0.0.1",
            ssl=context if scheme == "smtps" else None,
        )
        async with server:
            port = server.sockets[0].getsockname()[1]
            yield f"{scheme}://{credentials}127.0.0.1:{port}"

    return serve


@pytest.fixture
def mailer_for(clock, certificate):
    @asynccontextmanager
    async def make(url, *, trusting=True):
        mailer = SmtpMailer(
            server=SmtpServer.parse(url),
            origin=sender("limen <no-reply@limen.test>"),
            tls=ssl.create_default_context(cafile=certificate if trusting else None),
            clock=clock,
        )
        yield mailer
        await mailer.close()

    return make


@pytest.mark.parametrize("scheme", ["smtp", "smtps", "smtp+starttls"])
async def test_hands_over_one_message(office, serving, mailer_for, scheme):
    async with serving(office, scheme) as url, mailer_for(url) as mailer:
        await mailer.send(MAIL)
    ((session, envelope),) = office.mail
    assert envelope.mail_from == "no-reply@limen.test"
    assert envelope.rcpt_tos == ["ada@example.org"]
    assert session.host_name == "limen.test"
    assert (session.ssl is not None) == (scheme == "smtp+starttls")
    assert f"Message-ID: <{MAIL.job_id}@limen.test>".encode() in envelope.content
    assert b"\r\n.leading dots" in envelope.content


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
async def test_a_certificate_that_nobody_vouches_for_is_refused(
    office, serving, mailer_for, scheme
):
    async with serving(office, scheme) as url, mailer_for(url, trusting=False) as mailer:
        with pytest.raises((aiosmtplib.SMTPException, ssl.SSLError)):
            await mailer.send(MAIL)
    assert office.mail == []


async def test_never_falls_back_to_plain_text(office, serving, mailer_for):
    async with serving(office, "smtp+starttls", tls_context=None) as url, mailer_for(url) as mailer:
        with pytest.raises(aiosmtplib.SMTPException):
            await mailer.send(MAIL)
    assert office.mail == []


async def test_signs_in(office, serving, mailer_for):
    seen = []

    def check(_server, _session, _envelope, _mechanism, data):
        seen.append((data.login, data.password))
        # The test library is asked not to answer a refusal itself: it answers twice.
        return AuthResult(success=data.password == b"p@ss:word", handled=False)

    options = {"authenticator": check, "auth_required": True}
    address = "ada:p%40ss%3Aword@"
    async with (
        serving(office, "smtp+starttls", credentials=address, **options) as url,
        mailer_for(url) as mailer,
    ):
        await mailer.send(MAIL)
    async with (
        serving(office, "smtp+starttls", credentials="ada:wrong@", **options) as url,
        mailer_for(url) as mailer,
    ):
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await mailer.send(MAIL)
    assert seen[0] == (b"ada", b"p@ss:word")
    assert len(office.mail) == 1


async def test_an_address_that_does_not_exist_is_refused_for_good(office, serving, mailer_for):
    office.answers["RCPT"] = "550 5.1.1 no such mailbox: ada@example.org"
    async with serving(office) as url, mailer_for(url) as mailer:
        with pytest.raises(MailRefusedError) as refusal:
            await mailer.send(MAIL)
    assert refusal.value.args == ()
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("RCPT", "450 4.2.1 greylisted"),
        ("RCPT", "421 4.3.2 closing"),
        ("DATA", "451 4.3.0 disk trouble"),
        ("DATA", "554 5.7.1 looks like spam"),
    ],
)
async def test_other_refusals_may_pass(office, serving, mailer_for, command, answer):
    office.answers[command] = answer
    async with serving(office) as url, mailer_for(url) as mailer:
        with pytest.raises(aiosmtplib.SMTPException):
            await mailer.send(MAIL)


async def test_a_server_that_is_away_may_come_back(mailer_for):
    async with mailer_for("smtp://127.0.0.1:1") as mailer:
        with pytest.raises(aiosmtplib.SMTPConnectError):
            await mailer.send(MAIL)


async def test_a_server_that_says_nothing_is_left(mailer_for, monkeypatch):
    monkeypatch.setattr("server.jobs.smtp._SECONDS_FOR_A_STEP", 0.05)
    server = await asyncio.start_server(lambda _reader, writer: writers.append(writer), "127.0.0.1")
    writers = []
    async with server:
        url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with mailer_for(url) as mailer:
            with pytest.raises(aiosmtplib.SMTPException):
                await mailer.send(MAIL)
    for writer in writers:
        writer.close()
        await writer.wait_closed()


async def test_is_done_when_the_server_says_so_not_when_it_says_good_bye(
    office, serving, mailer_for, monkeypatch
):
    monkeypatch.setattr("server.jobs.smtp._SECONDS_FOR_GOOD_BYE", 0.05)
    async with serving(office, protocol=Slow) as url, mailer_for(url) as mailer:
        await mailer.send(MAIL)
        assert len(office.mail) == 1
        assert len(mailer._leaving) == 1
    assert mailer._leaving == set()


@pytest.mark.parametrize(
    ("url", "host", "port", "username", "password"),
    [
        ("smtp://mail", "mail", 25, None, None),
        ("smtps://mail.example.org", "mail.example.org", 465, None, None),
        ("smtp+starttls://u:p@mail/", "mail", 587, "u", "p"),
        ("smtp://u%40x:p%2F%3A@[::1]:2525", "::1", 2525, "u@x", "p/:"),
    ],
)
def test_reads_where_the_server_is(url, host, port, username, password):
    server = SmtpServer.parse(url)
    assert (server.host, server.port) == (host, port)
    assert (server.username, server.password) == (username, password)
    assert server.encryption == url.partition(":")[0]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail",
        "http://mail",
        "smtp://",
        "smtp://:25",
        "smtp://secret@",
        "smtp://u:secret@mail:99999",
        "smtp://u:secret@mail:port",
        "smtp://u:secret@mail/path",
        "smtp://u:secret@mail?tls=no",
        "smtp://[secret",
    ],
)
def test_says_what_a_url_should_look_like_without_repeating_it(url):
    with pytest.raises(ValueError, match="must") as refusal:
        SmtpServer.parse(url)
    assert "secret" not in str(refusal.value)
