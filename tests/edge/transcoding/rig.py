"""What stands on both sides of a transcoder under test."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import unquote

import grpc
import httpx

from edge.transcoding.asgi import Headers, Scope
from edge.transcoding.fault import Fault
from edge.transcoding.frontier import Answer
from edge.transcoding.route import Route
from edge.transcoding.status import http_status
from edge.transcoding.transcoder import Transcoder
from tests.edge.transcoding.core import Core


@dataclass(repr=False)
class TestFrontier:
    """A program around the transcoder that lets everything show."""

    __test__ = False

    sent: Sequence[tuple[str, str | bytes]] = (("x-from", "edge"),)
    seconds: float | None = 5.0
    refusal: Fault | None = None
    received: list[tuple[str, str | bytes]] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)

    def metadata(self, scope: Scope) -> Sequence[tuple[str, str | bytes]]:
        self.routes.append(scope["state"]["route"])
        if self.refusal is not None:
            raise self.refusal
        return self.sent

    def timeout(self, scope: Scope, route: Route) -> float | None:
        assert scope["state"]["route"] is route
        return self.seconds

    def answer_headers(self, _scope: Scope, metadata: Sequence[tuple[str, str | bytes]]) -> Headers:
        self.received.extend(metadata)
        return [(key.encode(), str(value).encode()) for key, value in metadata if key == "x-seen"]

    def problem(self, _scope: Scope, error: Fault | grpc.aio.AioRpcError) -> Answer:
        headers: Headers = [(b"content-type", b"application/problem+json")]
        if isinstance(error, Fault):
            document = {
                "reason": error.reason,
                "code": error.code.name,
                "detail": error.detail,
                "errors": [
                    [each.field, each.rule, each.message, dict(each.params)]
                    for each in error.fields
                ],
            }
            return Answer(error.status, headers + error.headers, json.dumps(document).encode())
        document = {"reason": error.details(), "code": error.code().name}
        status = http_status(error.code())
        return Answer(status, headers, json.dumps(document, indent=1).encode())


@dataclass(repr=False)
class Rig:
    """Everything from the HTTP client to the gRPC server."""

    core: Core
    frontier: TestFrontier
    transcoder: Transcoder
    channel: grpc.aio.Channel
    http: httpx.AsyncClient


@dataclass(repr=False)
class Raw:
    """A client that speaks ASGI itself, where an HTTP library would tidy up too much."""

    transcoder: Transcoder
    sent: list[dict[str, Any]] = field(default_factory=list)
    """What the transcoder sent."""

    def scope(self, method: str, path: bytes, query: bytes = b"", **headers: str) -> dict[str, Any]:
        return {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": unquote(path.decode("latin-1"), errors="replace"),
            "raw_path": path,
            "query_string": query,
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
        }

    async def ask(self, scope: dict[str, Any], *chunks: bytes) -> httpx.Response:
        """Send a request in chunks; afterwards the client just waits."""
        messages = [
            {"type": "http.request", "body": chunk, "more_body": place < len(chunks)}
            for place, chunk in enumerate(chunks, 1)
        ]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop(0)
            return cast("dict[str, Any]", await asyncio.Event().wait())

        async def send(message: Any) -> None:
            self.sent.append(message)

        await self.transcoder(scope, receive, send)
        start, *rest = self.sent
        content = b"".join(message["body"] for message in rest)
        return httpx.Response(start["status"], headers=start["headers"], content=content)
