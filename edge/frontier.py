"""What the transcoder asks about a request: limen's answers.

Nothing of a request reaches the core but what is named here, so no client can speak in the name of
the edge, whatever headers it sends. Nothing of the core's metadata reaches a client.
"""

import time
from collections.abc import Callable, Collection, Iterable
from http import HTTPStatus

import grpc.aio
from starlette.types import Scope
from structlog.typing import FilteringBoundLogger

from edge import cookies
from edge.facts import Facts, facts_of
from edge.problems import Problems
from edge.refusals import is_explained
from edge.transcoding.fault import Fault
from edge.transcoding.frontier import Answer, Metadata
from edge.transcoding.route import Route

Headers = list[tuple[bytes, bytes]]

_MAX_AUTHORIZATION = 6 * 1024
"""Less than the 8 KiB that gRPC lets all metadata of a call take."""

_CREDENTIAL = "limen-session-credential"
_EXPIRE = "limen-session-expire"
_END = "limen-session-end"


class LimenFrontier:
    """The border between browsers and the core.

    `public` are the full names of the RPCs that need no credential; `edge_secret` makes the core
    believe what the metadata says of the browser; `timeout` is how many seconds a call may take;
    `clock` gives the time in seconds since 1970.
    """

    def __init__(
        self,
        *,
        problems: Problems,
        log: FilteringBoundLogger,
        public: Collection[str],
        edge_secret: str,
        timeout: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._problems = problems
        self._log = log
        self._public = frozenset(public)
        self.proof = (("limen-edge-secret", edge_secret),) if edge_secret else ()
        """The metadata by which the core knows the edge."""
        self._timeout = timeout
        self._clock = clock

    def metadata(self, scope: Scope) -> Metadata:
        """The metadata of the call that a request becomes.

        Raises:
            Fault: The call needs a credential, and has none that could ever be right. Strangers
                learn so before anything else about a request.
        """
        facts = facts_of(scope)
        authorization = _sendable(facts.authorization)
        if _route(scope).rpc not in self._public:
            _require_credential(facts, authorization)
        named = (
            ("authorization", authorization),
            ("limen-session", facts.session),
            ("accept-language", facts.language),
            ("traceparent", facts.traceparent),
            ("limen-client-network", facts.network),
            ("limen-client-user-agent", facts.user_agent),
        )
        present = (pair for pair in named if pair[1])
        return (("x-request-id", facts.request_id), *present, *self.proof)

    def timeout(self, scope: Scope, route: Route) -> float | None:  # noqa: ARG002  # the protocol's
        """How many seconds the call may take. Streams may take as long as they like."""
        return None if route.server_streaming else self._timeout

    def answer_headers(self, scope: Scope, metadata: Metadata) -> Headers:
        """The cookies that the core asks for, and the CSRF token of whoever uses one.

        Raises:
            ValueError: The core handed out a session without saying when it expires.
        """
        told = _session_news(metadata)
        if told.get(_END) == "1":
            return _set(cookies.end())
        credential = told.get(_CREDENTIAL)
        if credential is not None:
            lifetime = int(told.get(_EXPIRE, "")) - int(self._clock())
            return [*_set(cookies.begin(credential, lifetime)), _csrf_token(credential)]
        session = facts_of(scope).session
        return [_csrf_token(session)] if session else []

    def problem(self, scope: Scope, error: Fault | grpc.aio.AioRpcError) -> Answer:
        """The answer to a request that the edge or the core refused."""
        facts = facts_of(scope)
        answer = self._problems.of(error, facts, scope["state"].get("route"))
        if isinstance(error, Fault):
            return answer
        self._report(error, facts)
        metadata = (*(error.initial_metadata() or ()), *(error.trailing_metadata() or ()))
        return Answer(
            answer.status,
            [*answer.headers, *self.answer_headers(scope, metadata)],
            answer.body,
        )

    def _report(self, error: grpc.aio.AioRpcError, facts: Facts) -> None:
        """Logs what only the edge knows: that the core was not there to give a reason."""
        if not is_explained(error):
            self._log.warning(
                "core_failed",
                code=error.code().name,
                detail=error.details(),
                request_id=facts.request_id,
            )


def _sendable(authorization: bytes) -> str:
    """The authorization header as metadata may carry it: printable ASCII of a bounded length.

    Anything else is no credential, which does not keep anybody from signing in.
    """
    value = authorization.decode("latin-1")
    is_fit = len(value) <= _MAX_AUTHORIZATION and value.isascii() and value.isprintable()
    return value if is_fit else ""


def _require_credential(facts: Facts, authorization: str) -> None:
    if authorization or facts.session:
        return
    reason = "CREDENTIAL_INVALID" if facts.authorization else "UNAUTHENTICATED"
    raise Fault(
        HTTPStatus.UNAUTHORIZED,
        grpc.StatusCode.UNAUTHENTICATED,
        reason,
        "the call needs a credential, and has none that could be right",
    )


def _route(scope: Scope) -> Route:
    route: Route = scope["state"]["route"]
    return route


def _session_news(metadata: Metadata) -> dict[str, str]:
    names = (_CREDENTIAL, _EXPIRE, _END)
    return {key: str(value) for key, value in metadata if key in names}


def _set(values: Iterable[str]) -> Headers:
    return [(b"set-cookie", value.encode("ascii")) for value in values]


def _csrf_token(credential: str) -> tuple[bytes, bytes]:
    return b"x-csrf-token", cookies.csrf_token(credential).encode("ascii")
