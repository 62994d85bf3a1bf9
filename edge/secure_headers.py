"""What every answer tells the browser not to do (OWASP Secure Headers; CSP level 3)."""

from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Header = tuple[bytes, bytes]

# Data is never a document: should a browser show it as one, it can load and run nothing.
_DATA_POLICY = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    b" font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none';"
    b" base-uri 'none'"
)
_PERMISSIONS = (
    b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(),"
    b" publickey-credentials-create=(self), publickey-credentials-get=(self)"
)
_COMMON: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
    (b"permissions-policy", _PERMISSIONS),
    # Unless an answer says otherwise it may hold what only its reader should see.
    (b"cache-control", b"no-store"),
)
_TRANSPORT: Header = (b"strict-transport-security", b"max-age=31536000")


class SecureHeaders:
    """Adds to every answer the headers that it does not set itself.

    HTML gets the policy of a page, which admits only files of this origin; all else gets the one
    that admits nothing. `https` says whether the public URL is, in which case browsers are told to
    use nothing else for a year (RFC 6797).
    """

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._for_data = data_headers(https=https)
        self._for_pages = (*_common(https=https), (b"content-security-policy", _PAGE_POLICY))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on and completes the headers of its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._complete(message.get("headers", ()))
            await send(message)

        await self._app(scope, receive, send_secured)

    def _complete(self, headers: list[Header]) -> list[Header]:
        is_page = dict(headers).get(b"content-type", b"").startswith(b"text/html")
        return complete(headers, self._for_pages if is_page else self._for_data)


def data_headers(*, https: bool) -> tuple[Header, ...]:
    """The headers of an answer that is no page."""
    return (*_common(https=https), (b"content-security-policy", _DATA_POLICY))


def complete(headers: Iterable[Header], defaults: Iterable[Header]) -> list[Header]:
    """The headers of an answer, with those of `defaults` that it does not set itself."""
    own = list(headers)
    present = dict(own)
    return [*own, *(header for header in defaults if header[0] not in present)]


def _common(*, https: bool) -> tuple[Header, ...]:
    return (*_COMMON, _TRANSPORT) if https else _COMMON
