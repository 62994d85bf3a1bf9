"""Lets the scripts of listed origins read answers (the Fetch standard, section 3.2)."""

from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.facts import facts_of
from edge.origins import Origins

_EXPOSED = b"content-language, etag, retry-after, www-authenticate, x-csrf-token, x-request-id"
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS = (
    b"accept-language, authorization, content-type, if-none-match, traceparent,"
    b" x-csrf-token, x-request-id"
)
_PREFLIGHT_SECONDS = b"7200"  # The longest that Chromium keeps one.
_VARY = (b"vary", b"origin")


class CrossOrigin:
    """Answers preflights and marks the answers that a listed origin may read.

    The preflight of any other origin is an ordinary OPTIONS request, whose answer permits nothing:
    its scripts can neither read an answer nor send what needs a preflight. With an empty list this
    is a pass-through.
    """

    def __init__(self, app: ASGIApp, *, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a preflight, or passes the request on and marks its answer."""
        if scope["type"] != "http" or not self._origins.others:
            await self._app(scope, receive, send)
            return
        facts = facts_of(scope)
        allowed = self._origins.lists(facts.origin)
        marks = _marks(facts.origin) if allowed else [_VARY]
        if allowed and _is_preflight(scope):
            await _answer_preflight(send, marks)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *marks]
            await send(message)

        await self._app(scope, receive, send_marked)


def _is_preflight(scope: Scope) -> bool:
    if scope["method"] != "OPTIONS":
        return False
    return any(name == b"access-control-request-method" for name, _ in scope["headers"])


def _marks(origin: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", _EXPOSED),
        _VARY,
    ]


async def _answer_preflight(send: Send, marks: list[tuple[bytes, bytes]]) -> None:
    headers = [
        *marks,
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", _REQUEST_HEADERS),
        (b"access-control-max-age", _PREFLIGHT_SECONDS),
    ]
    await send({"type": "http.response.start", "status": HTTPStatus.NO_CONTENT, "headers": headers})
    await send({"type": "http.response.body"})
