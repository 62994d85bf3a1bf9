"""A dependency for FastAPI. This module alone needs it: `limen-client[fastapi]`."""

import time
from collections.abc import Callable

from fastapi import HTTPException, Request
from fastapi.security import HTTPBearer

from limen.client.verifier import certificates, challenges
from limen.client.verifier.authorization import credential, current
from limen.client.verifier.claims import Claims
from limen.client.verifier.errors import VerificationError
from limen.client.verifier.requirement import SIGNED_IN, Requirement
from limen.client.verifier.verifier import Verifier


def of_the_application(request: Request) -> Verifier:
    """The verifier that the application keeps as `app.state.verifier`."""
    verifier: Verifier = request.app.state.verifier
    return verifier


class Caller(HTTPBearer):
    """Gives a route the claims of its caller: `Annotated[Claims, Depends(Caller(...))]`.

    OpenAPI shows the route as one that takes a bearer token. A refusal is an HTTPException whose
    detail has `reason`, `code`, `title` and, where it applies, `metadata`, as limen's problems.

    requirement: what the route asks of its caller.
    verifier: gives the verifier for a request.
    certificate: gives the thumbprint of its client certificate. Without this, tokens that are
        bound to a certificate (RFC 8705) are refused.
    clock: the time in seconds since 1970, for tests.
    """

    def __init__(
        self,
        requirement: Requirement = SIGNED_IN,
        *,
        verifier: Callable[[Request], Verifier] = of_the_application,
        certificate: Callable[[Request], str | None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(scheme_name="limen", auto_error=False)
        self._requirement = requirement
        self._verifier = verifier
        self._certificate = certificate
        self._clock = clock

    async def __call__(self, request: Request) -> Claims:  # type: ignore[override]  # gives more
        """The claims of the caller, also in `current`. Raises HTTPException."""
        try:
            claims = await self._verifier(request).verify(
                credential(request.headers.getlist("authorization"))
            )
            presented = self._certificate(request) if self._certificate else None
            certificates.check(claims.certificate, presented)
            self._requirement.check(claims, self._clock())
        except VerificationError as refusal:
            raise HTTPException(
                refusal.http_status,
                detail=challenges.document(refusal),
                headers=dict(challenges.headers(refusal)),
            ) from refusal
        current.set(claims)
        return claims
