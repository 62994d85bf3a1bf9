"""Bytes that are ready to be sent, and how a browser is spared receiving them twice."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from edge.pages.headers import SECURITY_HEADERS


@dataclass(frozen=True, slots=True)
class Representation:
    """One file as it is sent: its bytes, its media type, and a strong entity tag over the bytes."""

    body: bytes
    media_type: str
    etag: str


def represent(body: bytes, media_type: str) -> Representation:
    """Return the representation of some bytes."""
    return Representation(body, media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def respond(
    representation: Representation, if_none_match: str | None, headers: Mapping[str, str]
) -> Response:
    """Return the file, or 304 if the browser has it already (RFC 9110, sections 13.1.2, 15.4.5)."""
    sent = {**SECURITY_HEADERS, **headers, "etag": representation.etag}
    if _names(if_none_match, representation.etag):
        return Response(status_code=304, headers=sent)
    return Response(representation.body, headers=sent, media_type=representation.media_type)


def _names(if_none_match: str | None, etag: str) -> bool:
    """Tell whether an `If-None-Match` header names the tag, by the weak comparison."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return "*" in tags or etag in tags
