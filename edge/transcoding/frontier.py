"""What the transcoder asks of the program around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import grpc

from edge.transcoding.asgi import Headers, Scope
from edge.transcoding.fault import Fault
from edge.transcoding.route import Route

Metadata = Sequence[tuple[str, str | bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: Headers
    body: bytes


class Frontier(Protocol):
    """Everything about a request that its contract does not say.

    The transcoder has put the matched `Route` under `scope["state"]["route"]` before it asks.
    """

    def metadata(self, scope: Scope) -> Metadata:
        """Return the metadata of the gRPC call: credentials, language, request id and the like.

        Raises:
            Fault: The request must not reach the server, for instance for lack of a CSRF token.
        """

    def timeout(self, scope: Scope, route: Route) -> float | None:
        """Return how many seconds the call may take; None for as long as it likes."""

    def answer_headers(self, scope: Scope, metadata: Metadata) -> Headers:
        """Return the headers that the answer to a call carries besides those of its body.

        `metadata` is the initial metadata of the call, followed by the trailing metadata; when a
        stream begins only the initial metadata is known.
        """

    def problem(self, scope: Scope, error: Fault | grpc.aio.AioRpcError) -> Answer:
        """Return the answer to a request that failed, whether here or in the server.

        For the end of a stream that has begun the body alone is used; it has to be JSON.
        """
