"""`google.api.HttpBody`: bytes of any media type in place of JSON."""

from typing import Any

from protobuf import DescMessage

HTTP_BODY = "google.api.HttpBody"

# RFC 9110, section 8.3: what a body is that nobody says more of.
_UNKNOWN_TYPE = b"application/octet-stream"


def is_http_body(message: DescMessage | None) -> bool:
    """Return whether the bodies of a message are raw."""
    return message is not None and message.type_name == HTTP_BODY


def fill(message: Any, body: bytes, media_type: bytes) -> None:
    """Put bytes into an HttpBody."""
    message.content_type = media_type.decode("latin-1")
    message.data = body


def content_of(message: Any) -> tuple[bytes, bytes]:
    """Return the media type and the bytes of an HttpBody.

    Raises:
        ValueError: The media type cannot stand in a header.
    """
    media_type: str = message.content_type
    if not media_type:
        return _UNKNOWN_TYPE, message.data
    if not media_type.isascii() or not media_type.isprintable():
        raise ValueError(f"{media_type!r} is no media type")
    return media_type.encode("ascii"), message.data
