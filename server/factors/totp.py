"""Codes of authenticator apps (RFC 6238): SHA-1, 6 digits, 30 seconds.

That is what every app knows; SHA-1 is safe in this use (RFC 6238, section 1.2 and appendix B). A
code is accepted in the step before and the one after its own as well, for clocks that differ and
people who type slowly (section 5.2).
"""

import base64
import hmac
from datetime import datetime
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

SECRET_BYTES = 20
"""160 bits, as RFC 4226, section 4, recommends."""
DIGITS = 6
STEP_SECONDS = 30

_SKEW = 1


def step_at(moment: datetime) -> int:
    """The number of the time step of an aware moment, counted from 1970 (RFC 6238, section 4.2)."""
    return int(moment.timestamp() // STEP_SECONDS)


def code_at(secret: bytes, step: int, *, digits: int = DIGITS) -> str:
    """The code of a time step."""
    return HOTP(secret, digits, SHA1()).generate(step).decode()  # noqa: S303 - section 1.2


def matching_step(secret: bytes, code: str, now: datetime, *, after: int | None) -> int | None:
    """The step whose code this is, among those that count now and come after `after`.

    Takes as long whether the code is right or wrong.
    """
    here, given = step_at(now), code.encode()
    near = range(here - _SKEW, here + _SKEW + 1)
    matching = [step for step in near if hmac.compare_digest(code_at(secret, step).encode(), given)]
    return next((step for step in matching if after is None or step > after), None)


def readable(secret: bytes) -> str:
    """The secret for typing: base32 without padding (RFC 4648, section 6)."""
    return base64.b32encode(secret).decode().rstrip("=")


def uri(secret: bytes, *, issuer: str, account: str) -> str:
    """The secret as a link for a QR code, in the Key Uri Format of the authenticator apps.

    A colon separates issuer and account there, so neither can hold one.
    """
    issuer, account = issuer.replace(":", " "), account.replace(":", " ")
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    query = {
        "secret": readable(secret),
        "issuer": issuer,
        "algorithm": "SHA1",
        "digits": DIGITS,
        "period": STEP_SECONDS,
    }
    return f"otpauth://totp/{label}?{urlencode(query, quote_via=quote)}"
