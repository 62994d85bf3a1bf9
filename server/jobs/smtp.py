"""Sends mail over SMTP (RFC 5321)."""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from typing import Self
from urllib.parse import unquote, urlsplit

import aiosmtplib

from server.jobs.mail import Mail, MailRefusedError, compose
from server.platform.clock import Clock

_SECONDS_FOR_A_STEP = 15.0
_SECONDS_FOR_GOOD_BYE = 1.0
_FOR_GOOD = 500
"""Reply codes from here on mean that trying again is pointless (RFC 5321, section 4.2.1)."""
_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
_FORM = (
    "must look like smtps://user:password@host:port, smtp+starttls://host or smtp://host,"
    " with reserved characters in user and password percent-encoded"
)


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed in, and how."""

    host: str
    port: int
    encryption: str
    """`smtps`: from the start (RFC 8314); `smtp+starttls`: always, after asking; `smtp`: none."""
    username: str | None
    password: str | None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Reads `smtp://`, `smtps://` or `smtp+starttls://`, then `user:password@host:port`.

        The port may be left out (25, 465 or 587), as may the credentials; in them, reserved
        characters are percent-encoded. Raises `ValueError`, without quoting the URL.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError(_FORM) from None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(_FORM)
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(_FORM)
        return cls(
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            encryption=parts.scheme,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )


class SmtpMailer:
    """Hands mail to one server, over one connection for each message.

    Certificates are verified by `tls`. A message counts as sent when the server says so; the
    connection is closed politely afterwards, in the background, so that nothing comes between that
    answer and the commit of the job.
    """

    def __init__(
        self, *, server: SmtpServer, origin: Address, tls: ssl.SSLContext, clock: Clock
    ) -> None:
        self._server = server
        self._origin = origin
        self._tls = tls
        self._clock = clock
        self._leaving: set[asyncio.Task[None]] = set()

    async def send(self, mail: Mail) -> None:
        """Sends a message. Raises `MailRefusedError` or `aiosmtplib.SMTPException`."""
        message = compose(mail, origin=self._origin, time=self._clock.now())
        client = self._client()
        try:
            await client.connect()
            await client.send_message(message)
        except aiosmtplib.SMTPRecipientsRefused as refusal:
            self._leave(client)
            if all(each.code >= _FOR_GOOD for each in refusal.recipients):
                raise MailRefusedError from None
            raise
        except BaseException:
            client.close()
            raise
        self._leave(client)

    async def close(self) -> None:
        """Waits for connections to close, for about a second."""
        await asyncio.gather(*self._leaving)

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            username=self._server.username,
            password=self._server.password,
            local_hostname=self._origin.domain,
            timeout=_SECONDS_FOR_A_STEP,
            use_tls=self._server.encryption == "smtps",
            start_tls=self._server.encryption == "smtp+starttls",
            tls_context=self._tls,
        )

    def _leave(self, client: aiosmtplib.SMTP) -> None:
        task = asyncio.create_task(_quit(client))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


async def _quit(client: aiosmtplib.SMTP) -> None:
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await client.quit(timeout=_SECONDS_FOR_GOOD_BYE)
    client.close()
