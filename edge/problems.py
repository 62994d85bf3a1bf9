"""Refusals as HTTP answers: Problem Details (RFC 9457), with what clients and browsers act on."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import grpc.aio
import orjson

from edge.facts import Facts
from edge.refusals import Refusal, of_fault, of_rpc
from edge.transcoding.fault import Fault
from edge.transcoding.frontier import Answer
from edge.transcoding.route import Route
from limen import messages

MEDIA_TYPE = b"application/problem+json"

Header = tuple[bytes, bytes]

_REALM = 'Bearer realm="limen"'
# Reasons that speak of something other than the credential the call came with.
_NOT_ABOUT_THE_CREDENTIAL = frozenset({"SIGN_IN_FAILED", "REFRESH_TOKEN_REUSED"})


class Problems:
    """Makes problem documents.

    `public_url` is where clients reach limen: the `type` of a problem points into its docs.
    """

    def __init__(self, *, public_url: str) -> None:
        self._types = f"{public_url}/docs/errors#"

    def of(
        self, error: Fault | grpc.aio.AioRpcError, facts: Facts, route: Route | None = None
    ) -> Answer:
        """The answer to a request that the edge or the core refused.

        Fields are named as clients of `route` know them.
        """
        language = messages.negotiate(facts.language)
        if isinstance(error, Fault):
            return self._answer(of_fault(error, language, route), facts)
        return self._answer(of_rpc(error, language, route), facts)

    def unexpected(self, facts: Facts) -> Answer:
        """The answer when the edge itself failed. It says nothing but the request id."""
        defect = Fault(HTTPStatus.INTERNAL_SERVER_ERROR, grpc.StatusCode.INTERNAL, "INTERNAL")
        return self.of(defect, facts)

    def _answer(self, refusal: Refusal, facts: Facts) -> Answer:
        body = orjson.dumps(self._document(refusal, facts.request_id))
        return Answer(refusal.status, [*_headers(refusal, facts, len(body))], body)

    def _document(self, refusal: Refusal, request_id: str) -> dict[str, Any]:
        document: dict[str, Any] = {
            "type": f"{self._types}{refusal.reason}",
            "title": messages.title(refusal.reason, messages.negotiate(refusal.language)),
            "status": refusal.status,
            "detail": refusal.detail,
            "instance": request_id,
            "code": refusal.code.name,
            "reason": refusal.reason,
            "errors": refusal.violations,
        }
        if refusal.metadata:
            document["metadata"] = refusal.metadata
        return document


def _headers(refusal: Refusal, facts: Facts, length: int) -> Iterable[Header]:
    yield b"content-type", MEDIA_TYPE
    yield b"content-length", str(length).encode()
    yield b"content-language", refusal.language.encode("ascii", "replace")
    yield b"cache-control", b"no-store"
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        yield b"www-authenticate", _challenge(refusal, facts).encode("ascii", "replace")
    if refusal.retry_after is not None:
        yield b"retry-after", str(refusal.retry_after).encode()
    yield from refusal.headers


def _challenge(refusal: Refusal, facts: Facts) -> str:
    """How to authenticate (RFC 6750, section 3), or to do so again (RFC 9470, section 3)."""
    if refusal.reason == "PROOF_TOO_OLD":
        age = refusal.metadata.get("maxAgeSeconds", "0")
        return f'{_REALM}, error="insufficient_user_authentication", max_age="{age}"'
    given = facts.authorization or facts.session
    if given and refusal.reason not in _NOT_ABOUT_THE_CREDENTIAL:
        return f'{_REALM}, error="invalid_token"'
    return _REALM
