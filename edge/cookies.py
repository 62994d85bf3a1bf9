"""The cookies of a browser session, and the token that proves a script may use them.

Both names carry the `__Host-` prefix (draft-ietf-httpbis-rfc6265bis, section 4.1.3.2): browsers
take such a cookie only over a secure connection, for the whole host and from no sub-domain, so no
neighbour can plant one. They count `localhost` and loopback addresses as secure.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable

SESSION = "__Host-limen_session"
CSRF = "__Host-limen_csrf"

_CSRF_MESSAGE = b"limen csrf v1"
_CREDENTIAL = re.compile(rb"[A-Za-z0-9_.~+/=-]{1,1024}")
_SESSION_PREFIX = f"{SESSION}=".encode()
_SESSION_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax"
_CSRF_ATTRIBUTES = "Path=/; Secure; SameSite=Strict"


def session_credential(header: bytes) -> str:
    """The session credential of a `Cookie` header; empty if it holds none that could be one."""
    for pair in header.split(b";"):
        stripped = pair.strip(b" \t")
        if stripped.startswith(_SESSION_PREFIX):
            value = stripped[len(_SESSION_PREFIX) :]
            return value.decode("ascii") if _CREDENTIAL.fullmatch(value) else ""
    return ""


def csrf_token(credential: str) -> str:
    """The CSRF token of a session: only who knows the session, or reads its cookies, has it.

    It is bound to the session (OWASP's signed double submit), so that a token of one session is
    worthless for another, and it says nothing about the credential.
    """
    mac = hmac.digest(credential.encode("ascii"), _CSRF_MESSAGE, hashlib.sha256)
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode("ascii")


def begin(credential: str, lifetime: int) -> Iterable[str]:
    """The `Set-Cookie` values that begin a session of `lifetime` seconds.

    The session cookie is Lax, so that a link from a mail finds its owner signed in.
    """
    age = f"Max-Age={max(lifetime, 0)}"
    yield f"{SESSION}={credential}; {age}; {_SESSION_ATTRIBUTES}"
    yield f"{CSRF}={csrf_token(credential)}; {age}; {_CSRF_ATTRIBUTES}"


def end() -> Iterable[str]:
    """The `Set-Cookie` values that end a session."""
    yield f"{SESSION}=; Max-Age=0; {_SESSION_ATTRIBUTES}"
    yield f"{CSRF}=; Max-Age=0; {_CSRF_ATTRIBUTES}"
