"""Lets clients keep an answer, and spares them receiving it again unchanged."""

import hashlib
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.facts import facts_of

Headers = list[tuple[bytes, bytes]]

_CACHED = ("GET", "HEAD")
# A cache hands one answer to many: these belong to one caller, those are set anew.
_NOT_KEPT = frozenset({b"set-cookie", b"x-csrf-token", b"cache-control", b"etag"})


class Revalidated:
    """Gives the successful answers of an app an entity tag and a `Cache-Control`.

    A GET or HEAD that names the tag in `If-None-Match` gets 304 without a body (RFC 9110,
    sections 13.1.2 and 15.4.5). Fit for small answers: they are held until they are whole.
    """

    def __init__(self, app: ASGIApp, *, cache_control: str) -> None:
        self._app = app
        self._cache_control = (b"cache-control", cache_control.encode("ascii"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Holds the answer of a request until its tag is known."""
        if scope["method"] not in _CACHED:
            await self._app(scope, receive, send)
            return
        head: Message = {}
        body = bytearray()

        async def hold(message: Message) -> None:
            nonlocal head
            if message["type"] == "http.response.start":
                head = message
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                await self._release(scope, head, bytes(body), send)

        # The tag of an answer to HEAD is that of the body it leaves out.
        await self._app({**scope, "method": "GET"}, receive, hold)

    async def _release(self, scope: Scope, head: Message, body: bytes, send: Send) -> None:
        if head["status"] == HTTPStatus.OK:
            tag = entity_tag(body)
            head["headers"] = [*_for_anyone(head["headers"]), self._cache_control, tag]
            if matches(facts_of(scope).if_none_match, tag[1]):
                head["status"] = HTTPStatus.NOT_MODIFIED
                head["headers"] = [*_without_content(head["headers"])]
                body = b""
        if scope["method"] == "HEAD":
            body = b""
        await send(head)
        await send({"type": "http.response.body", "body": body})


def entity_tag(body: bytes) -> tuple[bytes, bytes]:
    """The `ETag` header for a body (RFC 9110, section 8.8.3)."""
    return b"etag", b'"' + hashlib.sha256(body).hexdigest()[:32].encode() + b'"'


def matches(if_none_match: bytes, tag: bytes) -> bool:
    """Whether an `If-None-Match` header names a tag, by the weak comparison."""
    names = [name.strip().removeprefix(b"W/") for name in if_none_match.split(b",")]
    return tag in names or b"*" in names


def _for_anyone(headers: Headers) -> Headers:
    return [header for header in headers if header[0] not in _NOT_KEPT]


def _without_content(headers: Headers) -> Headers:
    return [header for header in headers if not header[0].startswith(b"content-")]
