"""Takes the body of a request off the wire, and refuses what is no JSON by its headers."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import grpc

from edge.transcoding.asgi import Receive, Scope
from edge.transcoding.fault import Fault, FieldFault, invalid

Head = Mapping[bytes, bytes]
"""The headers of a request by name, which is in lower case."""

_JSON: Final = b"application/json"
_USUAL_TYPES: Final = frozenset({_JSON, b"application/json; charset=utf-8"})
_UTF8: Final = (b"utf-8", b"utf8")


class ClientGoneError(Exception):
    """The client has hung up: there is nobody to answer."""


async def read_body(scope: Scope, head: Head, receive: Receive, limit: int) -> bytes:
    """Return the body of a request, which is empty if there is none.

    Raises:
        Fault: It has more than `limit` bytes. At most one message beyond is read to find out.
        ClientGoneError: The client hung up before it was complete.
    """
    declared = head.get(b"content-length")
    if declared is None:
        # RFC 9112, section 6.3: without either header there is no body. Later versions of HTTP
        # have frames of their own.
        if b"transfer-encoding" not in head and scope.get("http_version", "1.1") < "2":
            return b""
    elif declared == b"0":
        return b""
    elif declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    return await _receive_all(receive, limit)


def require_none(body: bytes) -> None:
    """Check that there is no body where none is read.

    Raises:
        Fault: There is one.
    """
    if body:
        raise invalid([FieldFault("", "body.unexpected", "is a request without a body")])


def require_plain(head: Head) -> None:
    """Check that a body is not compressed.

    Raises:
        Fault: It has a `content-encoding`. Unpacking is a way to make little input much work.
    """
    encoding = head.get(b"content-encoding", b"identity")
    if encoding.strip().lower() != b"identity":
        raise Fault(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            grpc.StatusCode.INVALID_ARGUMENT,
            "UNSUPPORTED_MEDIA_TYPE",
            "the body must not be compressed",
            # RFC 9110, section 12.5.3: what a 415 for a content coding has to say.
            headers=[(b"accept-encoding", b"identity")],
        )


def require_json(head: Head) -> None:
    """Check that a body says it is JSON.

    Raises:
        Fault: It says it is something else, or nothing.
    """
    media_type = head.get(b"content-type", b"")
    if media_type not in _USUAL_TYPES and not _is_json(media_type):
        raise Fault(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            grpc.StatusCode.INVALID_ARGUMENT,
            "UNSUPPORTED_MEDIA_TYPE",
            "the body must have the content-type application/json",
            headers=[(b"accept", _JSON)],
        )


def _is_json(media_type: bytes) -> bool:
    essence, *parameters = (part.strip().lower() for part in media_type.split(b";"))
    if essence != _JSON:
        return False
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if name.strip() == b"charset" and value.strip(b' "') not in _UTF8:
            return False
    return True


async def _receive_all(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
    return b"".join(chunks)


def _too_large(limit: int) -> Fault:
    return Fault(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "REQUEST_TOO_LARGE",
        f"the body has more than {limit} bytes",
    )
