"""Stands before an ASGI application (https://asgi.readthedocs.io), of any framework."""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

from limen.client.verifier import certificates, challenges
from limen.client.verifier.authorization import credential, current
from limen.client.verifier.claims import Claims
from limen.client.verifier.errors import VerificationError
from limen.client.verifier.requirement import SIGNED_IN, Requirement
from limen.client.verifier.verifier import Verifier

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

CertificateOf = Callable[[Scope], str | None]
"""Gives the thumbprint of the client certificate of a request, in the form of `x5t#S256`; see
`certificates.thumbprint`."""

_POLICY_VIOLATION = 1008
"""How a WebSocket is closed that may not be opened (RFC 6455, section 7.4.1)."""


class AsgiGuard:
    """Lets requests and WebSockets through whose caller limen knows and who meets a requirement.

    The application finds its caller in `current`, and as `scope["state"]["limen"]`, which Starlette
    shows as `request.state.limen`. A refusal is a problem document (RFC 9457).

    verifier: the verifier, or a function that gives it for a scope, for applications that make
        theirs when they start: `lambda scope: scope["app"].state.verifier`.
    requirement: of everything that is not open.
    open_paths: paths that anybody may ask for, compared as a whole.
    certificate: how to know the client certificate. ASGI has no way of its own; without one,
        tokens that are bound to a certificate (RFC 8705) are refused.
    clock: the time in seconds since 1970, for tests.
    """

    def __init__(
        self,
        app: Application,
        verifier: Verifier | Callable[[Scope], Verifier],
        *,
        requirement: Requirement = SIGNED_IN,
        open_paths: Iterable[str] = (),
        certificate: CertificateOf | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._app = app
        self._verifier = verifier
        self._requirement = requirement
        self._open = frozenset(open_paths)
        self._certificate = certificate
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] not in {"http", "websocket"} or scope["path"] in self._open:
            await self._app(scope, receive, send)
            return
        try:
            claims = await self._identify(scope)
        except VerificationError as refusal:
            await _refuse(scope, receive, send, refusal)
            return
        before = current.set(claims)
        try:
            await self._app(_with_claims(scope, claims), receive, send)
        finally:
            current.reset(before)

    async def _identify(self, scope: Scope) -> Claims:
        given = [
            value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"
        ]
        verifier = self._verifier
        if not isinstance(verifier, Verifier):
            verifier = verifier(scope)
        claims = await verifier.verify(credential(given))
        presented = self._certificate(scope) if self._certificate else None
        certificates.check(claims.certificate, presented)
        self._requirement.check(claims, self._clock())
        return claims


def _with_claims(scope: Scope, claims: Claims) -> Scope:
    state: Mapping[str, Any] = scope.get("state", {})
    return {**scope, "state": {**state, "limen": claims}}


async def _refuse(scope: Scope, receive: Receive, send: Send, refusal: VerificationError) -> None:
    if scope["type"] == "websocket":
        await receive()  # the wish to connect
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        return
    body = challenges.problem(refusal)
    own = {
        "content-type": challenges.MEDIA_TYPE,
        "content-length": str(len(body)),
        **challenges.headers(refusal),
    }
    fields = [(name.encode(), value.encode("latin-1")) for name, value in own.items()]
    await send({"type": "http.response.start", "status": refusal.http_status, "headers": fields})
    await send({"type": "http.response.body", "body": body})
