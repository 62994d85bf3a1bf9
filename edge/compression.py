"""Sends large answers in gzip (RFC 9110, section 8.4.1.3), where that gives nothing away.

The length of a compressed answer tells how much its parts have in common. Someone who can make a
victim's browser repeat a request, choose a part of it that the answer repeats, and watch the length
on the wire, reads a secret of that answer letter by letter (the BREACH attack). A browser repeats
requests for strangers only with what it attaches by itself, the cookie, and secrets such as tokens
and recovery codes are handed out by POST. So of the API only the answers to GET without the session
cookie are compressed; what lies beside the API holds no secrets of anybody.
"""

import asyncio
import gzip
import re
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.facts import Facts, facts_of

Headers = list[tuple[bytes, bytes]]

_MIN_SIZE = 1024
# Beyond this, compressing takes milliseconds, during which the event loop would stand still.
_MAX_INLINE = 64 * 1024
_LEVEL = 5
_TYPES = (b"text/", b"application/json", b"application/problem+json", b"image/svg+xml")
# Server-sent events: their first one may be long in coming, and their head must not wait for it.
_EVENTS = b"text/event-stream"
_ZERO = re.compile(rb"\s*q=0(\.0*)?\s*")
_VARY = (b"vary", b"accept-encoding")


class Compression:
    """Compresses whole answers of more than 1 KiB; streams go out as they come."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, and its answer through the compressor where that is harmless."""
        if scope["type"] != "http" or not _is_harmless(scope, facts_of(scope)):
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _Compressor(send, facts_of(scope).accept_encoding))


def _is_harmless(scope: Scope, facts: Facts) -> bool:
    if facts.method != "GET":
        return False
    return not (facts.session and scope["path"].startswith("/v1/"))


class _Compressor:
    """Holds the head of an answer back, where it may be compressed, until its body is there."""

    def __init__(self, send: Send, accept_encoding: bytes) -> None:
        self._send = send
        self._accept_encoding = accept_encoding
        self._head: Message | None = None

    async def __call__(self, message: Message) -> None:
        """Sends one message of the answer on, as it is or compressed."""
        if message["type"] == "http.response.start" and _is_fit(message):
            self._head = message
            return
        if self._head is not None:
            head, self._head = self._head, None
            message = await self._fit(head, message)
            await self._send(head)
        await self._send(message)

    async def _fit(self, head: Message, message: Message) -> Message:
        """The body to send, with its head changed to match."""
        if message.get("more_body"):
            return message
        head["headers"] = [*head["headers"], _VARY]
        body: bytes = message.get("body", b"")
        if len(body) <= _MIN_SIZE or not accepts_gzip(self._accept_encoding):
            return message
        packed = await _pack(body)
        head["headers"] = _describe(head["headers"], len(packed))
        return {"type": "http.response.body", "body": packed}


async def _pack(body: bytes) -> bytes:
    if len(body) <= _MAX_INLINE:
        return gzip.compress(body, _LEVEL, mtime=0)
    return await asyncio.to_thread(gzip.compress, body, _LEVEL, mtime=0)


def _is_fit(head: Message) -> bool:
    if head["status"] == HTTPStatus.NOT_MODIFIED:
        return True
    headers: dict[bytes, bytes] = dict(head["headers"])
    if head["status"] != HTTPStatus.OK or b"content-encoding" in headers:
        return False
    media_type = headers.get(b"content-type", b"")
    return media_type.startswith(_TYPES) and not media_type.startswith(_EVENTS)


def _describe(headers: Headers, length: int) -> Headers:
    """The headers of the compressed form. Its entity tag is weak: the bytes are not the same."""
    described = [
        (name, _weaken(value) if name == b"etag" else value)
        for name, value in headers
        if name != b"content-length"
    ]
    return [
        *described,
        (b"content-encoding", b"gzip"),
        (b"content-length", str(length).encode()),
    ]


def _weaken(tag: bytes) -> bytes:
    return tag if tag.startswith(b"W/") else b"W/" + tag


def accepts_gzip(header: bytes) -> bool:
    """Whether an `Accept-Encoding` header admits gzip (RFC 9110, section 12.5.3)."""
    weights = dict(_weight(element) for element in header.lower().split(b","))
    return weights.get(b"gzip", weights.get(b"*", False))


def _weight(element: bytes) -> tuple[bytes, bool]:
    coding, _, parameter = element.partition(b";")
    return coding.strip(), not _ZERO.fullmatch(parameter)
