"""What the edge needs to know about a request, read from its head once."""

import re
from collections.abc import MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from random import getrandbits
from typing import Any

from starlette.types import Scope

from edge.cookies import session_credential

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, section 9.2.1). TRACE is never served."""

_READ = frozenset(
    {
        b"accept-encoding",
        b"accept-language",
        b"authorization",
        b"cookie",
        b"host",
        b"if-none-match",
        b"origin",
        b"sec-fetch-site",
        b"traceparent",
        b"user-agent",
        b"x-csrf-token",
        b"x-request-id",
    }
)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9_.-]{8,128}")
# Version 00 of W3C Trace Context, section 3.2.2; later versions only add to its end.
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_UNPRINTABLE = re.compile(r"[^ -~]")
_MAX_LANGUAGE = 256
_MAX_USER_AGENT = 256


@dataclass(frozen=True, slots=True)
class Facts:
    """The head of one request, bounded and cleaned. Absent headers are empty.

    A header that came more than once holds all values, joined as in RFC 9110, section 5.3.
    """

    request_id: str
    method: str
    authorization: bytes = b""
    session: str = ""
    """The credential of the session cookie; empty where `authorization` overrules it."""
    language: str = ""
    """`Accept-Language`, or empty when it is longer than anybody's."""
    user_agent: str = ""
    network: str = ""
    """The address of the client in its shortest form, or empty when there is none."""
    traceparent: str = ""
    host: bytes = b""
    origin: bytes = b""
    fetch_site: bytes = b""
    csrf_token: bytes = b""
    accept_encoding: bytes = b""
    if_none_match: bytes = b""


def facts_of(scope: Scope) -> Facts:
    """The facts of a request. The first call reads them; they are kept with the request."""
    state: MutableMapping[str, Any] = scope.setdefault("state", {})
    facts = state.get("facts")
    if not isinstance(facts, Facts):
        facts = state["facts"] = _read(scope)
    return facts


def _read(scope: Scope) -> Facts:
    head = _head(scope["headers"])
    take = head.get
    authorization = take(b"authorization", b"")
    client = scope.get("client")
    return Facts(
        request_id=_request_id(take(b"x-request-id", b"")),
        method=scope["method"],
        authorization=authorization,
        session="" if authorization else session_credential(take(b"cookie", b"")),
        language=_language(take(b"accept-language", b"")),
        user_agent=_user_agent(take(b"user-agent", b"")),
        network=network_of(client[0]) if client else "",
        traceparent=_traceparent(take(b"traceparent", b"")),
        host=take(b"host", b""),
        origin=take(b"origin", b""),
        fetch_site=take(b"sec-fetch-site", b""),
        csrf_token=take(b"x-csrf-token", b""),
        accept_encoding=take(b"accept-encoding", b""),
        if_none_match=take(b"if-none-match", b""),
    )


def _head(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    head: dict[bytes, bytes] = {}
    for name, value in headers:
        if name not in _READ:
            continue
        if name in head:
            value = head[name] + (b"; " if name == b"cookie" else b", ") + value
        head[name] = value
    return head


def _request_id(value: bytes) -> str:
    if _REQUEST_ID.fullmatch(value):
        return value.decode("ascii")
    return f"{getrandbits(128):032x}"


def _language(value: bytes) -> str:
    if len(value) > _MAX_LANGUAGE:
        return ""
    text = value.decode("latin-1")
    return "" if _UNPRINTABLE.search(text) else text


def _user_agent(value: bytes) -> str:
    return _UNPRINTABLE.sub("?", value[:_MAX_USER_AGENT].decode("latin-1"))


def _traceparent(value: bytes) -> str:
    return value.decode("ascii") if _TRACEPARENT.fullmatch(value) else ""


@lru_cache(maxsize=4096)
def network_of(host: str) -> str:
    """An IP address in its shortest form, IPv4 where it was mapped; empty for anything else."""
    try:
        address = ip_address(host)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)
