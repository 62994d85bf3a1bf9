"""A message to one person, and its form on the wire.

SMTP has no way to learn whether a message whose answer was lost has arrived (RFC 1047). limen sends
it again rather than not at all, under the same Message-ID, by which the servers and programs of
recipients recognise a repeat. All the rest that could be repeated is prevented by the runner.
"""

from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Protocol
from uuid import UUID

from server.jobs.runner import HopelessError

# Every server takes 7 bits, so that none has to announce 8BITMIME (RFC 6152). Addresses and
# subjects with line breaks are refused by the header classes of this policy.
_POLICY = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class Mail:
    """A message to one person, as plain text and as HTML that say the same."""

    to: str
    """The bare address."""
    subject: str
    text: str
    html: str
    job_id: UUID
    """The job that sends it; every attempt at it gives the same Message-ID."""


class Mailer(Protocol):
    """Sends mail."""

    async def send(self, mail: Mail) -> None:
        """Returns when the message is in other hands.

        Raises `MailRefusedError` when it never will be, anything else when it is not known to be.
        """

    async def close(self) -> None:
        """Ends what is still going on, soon."""


class MailRefusedError(HopelessError):
    """The address cannot be written to or does not exist."""


def sender(text: str) -> Address:
    """Reads a sender such as `limen <no-reply@example.org>`. Raises `ValueError` if it is none."""
    name, spec = parseaddr(text)
    try:
        return Address(display_name=name, addr_spec=spec)
    except (MessageError, IndexError) as error:
        raise ValueError("not an address") from error


def compose(mail: Mail, *, origin: Address, time: datetime) -> EmailMessage:
    """The message as RFC 5322 and RFC 2046 want it. Raises `MailRefusedError` for a bad address."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = origin
    message["To"] = _recipient(mail.to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(time)
    message["Message-ID"] = f"<{mail.job_id}@{origin.domain}>"
    # Keeps holiday notices and ticket systems from answering (RFC 3834, section 5).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def _recipient(address: str) -> Address:
    try:
        recipient = Address(addr_spec=address)
    except (MessageError, ValueError, IndexError):
        raise MailRefusedError from None
    if recipient.addr_spec != address:  # It was read with good will, and may be somebody else's.
        raise MailRefusedError
    return recipient
