"""Refusals as they are answered: `application/problem+json` (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from google.protobuf.descriptor import MethodDescriptor

from edge.openapi.contract import Contract
from edge.openapi.policy import Policy
from edge.openapi.reasons import Reason, named_reasons, read_reasons
from edge.openapi.routes import Route
from edge.openapi.types import Schema
from limen import messages

MEDIA_TYPE = "application/problem+json"
SAFE_METHODS = frozenset({"get", "head", "options", "trace"})

_Reasons = dict[int, tuple[str, ...]]
# Reasons that any call can meet: those of the edge and of the interceptors of the core.
_EVERYWHERE: _Reasons = {
    400: ("INVALID_REQUEST",),
    429: ("RATE_LIMITED",),
    500: ("INTERNAL",),
    503: ("UNAVAILABLE", "OVERLOADED"),
    504: ("DEADLINE_EXCEEDED",),
}
_WITH_A_BODY: _Reasons = {
    408: ("REQUEST_TIMEOUT",),
    413: ("REQUEST_TOO_LARGE",),
    415: ("UNSUPPORTED_MEDIA_TYPE",),
}
_STREAMED: _Reasons = {406: ("NOT_ACCEPTABLE",)}
_WITH_A_CREDENTIAL: _Reasons = {401: ("UNAUTHENTICATED", "CREDENTIAL_INVALID")}
_WITH_A_PERMISSION: _Reasons = {403: ("PERMISSION_DENIED",)}
_UNSAFE: _Reasons = {403: ("CSRF_REJECTED",)}
_WITH_FRESH_PROOF: _Reasons = {401: ("PROOF_TOO_OLD",)}

# The reasons with which a status is so common that operations share one description of it.
_USUAL: _Reasons = {
    **_EVERYWHERE,
    **_WITH_A_BODY,
    **_STREAMED,
    **_WITH_A_CREDENTIAL,
    **_UNSAFE,
    404: ("NOT_FOUND",),
}

_LANGUAGE = "en"
_EXAMPLES = "#/components/examples/"
_FIELD_ERROR = {
    "field": "user.displayName",
    "reason": "string.max_len",
    "message": "must be at most 100 characters",
}
_RETRIED = (429, 503)
_TITLES = {
    413: "Content Too Large",  # RFC 9110, section 15.5.14; older Pythons have its old name.
    499: "Client Closed Request",
}
_REQUEST_ID = "0197a3c2-8f4e-7b6a-9c1d-2e3f4a5b6c7d"

HEADERS: dict[str, Any] = {
    "RequestId": {
        "description": "The id of the call, as it stands in the logs.",
        "schema": {"type": "string"},
        "example": _REQUEST_ID,
    },
    "RetryAfter": {
        "description": "Whole seconds after which to try again (RFC 9110, section 10.2.3).",
        "schema": {"type": "integer", "minimum": 1},
        "example": 30,
    },
}
REQUEST_ID_HEADER = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
_RETRY_HEADER = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}


class Problems:
    """The refusals of one contract.

    Args:
        contract: Where the reasons are read.
        public_url: Where clients reach the API; the `type` of a problem points below it.
    """

    def __init__(self, contract: Contract, public_url: str) -> None:
        self._contract = contract
        self._types = f"{public_url.rstrip('/')}/docs/errors#"
        self.reasons: dict[str, Reason] = read_reasons(contract)
        self._shared: dict[str, Any] = {}

    @property
    def shared_responses(self) -> dict[str, Any]:
        """The responses that operations refer to, by name."""
        return dict(sorted(self._shared.items()))

    def responses(self, route: Route, policy: Policy) -> dict[str, Any]:
        """Return the refusals that one operation can meet, by HTTP status."""
        statuses = self._by_status(route, policy)
        return {
            str(status): self._shared_or_own(status, names)
            for status, names in sorted(statuses.items())
        }

    def extension(self) -> dict[str, Any]:
        """Return all reasons with what the contract says about them."""
        return {
            reason.name: {
                "status": reason.status,
                "code": reason.code,
                "description": reason.description,
                "example": reason.example,
                "metadata": reason.metadata,
            }
            for reason in self.reasons.values()
        }

    def examples(self) -> dict[str, Any]:
        """Return a problem document for each reason."""
        return {name: self._example(reason) for name, reason in self.reasons.items()}

    def _by_status(self, route: Route, policy: Policy) -> dict[int, list[str]]:
        groups = [_EVERYWHERE]
        groups += [_WITH_A_BODY] if route.body else []
        groups += [_STREAMED] if route.rpc.server_streaming else []
        groups += [] if policy.is_public else [_WITH_A_CREDENTIAL]
        groups += [_WITH_A_PERMISSION] if policy.permission else []
        groups += [] if route.method in SAFE_METHODS else [_UNSAFE]
        groups += [_WITH_FRESH_PROOF] if policy.needs_fresh_proof else []
        groups += [{self.reasons[name].status: (name,)} for name in self._named(route.rpc)]
        found: dict[int, list[str]] = {}
        for group in groups:
            for status, names in group.items():
                known = found.setdefault(status, [])
                known += [each for each in names if each in self.reasons and each not in known]
        return found

    def _named(self, rpc: MethodDescriptor) -> list[str]:
        return named_reasons(self._contract, rpc, self.reasons)

    def _shared_or_own(self, status: int, names: list[str]) -> dict[str, Any]:
        """Return a reference where the reasons are the usual ones of a status, else a response."""
        usual = [name for name in _USUAL.get(status, ()) if name in self.reasons]
        if names != usual:
            return self._response(status, names)
        name = title(status).replace(" ", "")
        self._shared[name] = self._response(status, names)
        return {"$ref": f"#/components/responses/{name}"}

    def _response(self, status: int, names: list[str]) -> dict[str, Any]:
        reasons = "\n".join(f"- `{name}`: {self._first_words(name)}" for name in names)
        schema: Schema = {"$ref": "#/components/schemas/Problem"}
        content: dict[str, Any] = {"schema": schema}
        if names:
            schema["properties"] = {"reason": {"enum": names}}
        examples = [name for name in names if self.reasons[name].status == status]
        if examples:
            content["examples"] = {name: {"$ref": f"{_EXAMPLES}{name}"} for name in examples}
        return {
            "description": f"{title(status)}.\n\n{reasons}".strip(),
            "headers": REQUEST_ID_HEADER | (_RETRY_HEADER if status in _RETRIED else {}),
            "content": {MEDIA_TYPE: content},
        }

    def _example(self, reason: Reason) -> dict[str, Any]:
        value = {
            "type": f"{self._types}{reason.name}",
            "title": messages.title(reason.name, _LANGUAGE),
            "status": reason.status,
            "detail": messages.reason(reason.name, _LANGUAGE),
            "instance": _REQUEST_ID,
            "code": reason.code,
            "reason": reason.name,
            "errors": [_FIELD_ERROR] if reason.name == "INVALID_REQUEST" else [],
        }
        return {"summary": self._first_words(reason.name), "value": value}

    def _first_words(self, name: str) -> str:
        return self.reasons[name].description.partition("\n")[0]


def title(status: int) -> str:
    """Return the name of an HTTP status."""
    return _TITLES.get(status) or HTTPStatus(status).phrase
