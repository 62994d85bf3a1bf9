"""Refuses what another site makes a browser send (cross-site request forgery)."""

import hmac
from http import HTTPStatus

import grpc
from starlette.types import ASGIApp, Receive, Scope, Send

from edge.cookies import csrf_token
from edge.facts import SAFE_METHODS, Facts, facts_of
from edge.origins import Origins
from edge.transcoding.fault import Fault

_OUR_OWN_SITES = (b"same-origin", b"none")


class CsrfProtection:
    """Lets an unsafe request through only if no other site can have made the browser send it.

    - Requests with an `authorization` header pass: no browser adds one by itself, and a script of
      another site can add one only after a preflight, which is answered for listed origins alone.
    - All others must come from a trusted page: this also stops forged sign-ins, which need no
      cookie. Clients that are no browsers name no origin, and pass.
    - Those that carry the session cookie must also repeat its CSRF token in `X-CSRF-Token`.
    """

    def __init__(self, app: ASGIApp, *, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on if it is safe or unforged.

        Raises:
            Fault: It may be forged.
        """
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            self._check(facts_of(scope))
        await self._app(scope, receive, send)

    def _check(self, facts: Facts) -> None:
        if facts.authorization:
            return
        if not self._comes_from_a_trusted_page(facts):
            raise _rejected("the request comes from another site")
        if facts.session and not _repeats_the_token(facts):
            raise _rejected("X-CSRF-Token is missing or is not that of the session")

    def _comes_from_a_trusted_page(self, facts: Facts) -> bool:
        if facts.fetch_site and facts.fetch_site not in _OUR_OWN_SITES:
            return self._origins.lists(facts.origin)
        return not facts.origin or self._origins.trusts(facts)


def _repeats_the_token(facts: Facts) -> bool:
    return hmac.compare_digest(facts.csrf_token, csrf_token(facts.session).encode("ascii"))


def _rejected(detail: str) -> Fault:
    return Fault(
        HTTPStatus.FORBIDDEN, grpc.StatusCode.PERMISSION_DENIED, "CSRF_REJECTED", detail=detail
    )
