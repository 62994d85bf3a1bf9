"""A small ASGI client, and apps to put behind what is tested."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

App = Callable[..., Any]


@dataclass
class Reply:
    """What came out of an ASGI app."""

    status: int
    headers: list[tuple[bytes, bytes]]
    parts: list[bytes] = field(default_factory=list)
    more_body: list[bool] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    def __getitem__(self, name: bytes) -> bytes:
        values = [value for key, value in self.headers if key == name]
        assert len(values) == 1, f"{name!r} stands {len(values)} times"
        return values[0]

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]


async def _chunks(*parts: bytes) -> AsyncIterator[dict[str, Any]]:
    for number, part in enumerate(parts, 1):
        yield {"type": "http.request", "body": part, "more_body": number < len(parts)}


def scope_of(
    path: str = "/v1/users", *headers: tuple[bytes, bytes], method: str = "GET"
) -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": list(headers),
        "client": ("203.0.113.9", 4711),
        "state": {},
    }


async def ask(app: App, scope: dict[str, Any], *body: bytes) -> Reply:
    """Sends one request to an ASGI app and collects the answer."""
    chunks = _chunks(*(body or (b"",)))
    reply: Reply | None = None

    async def receive() -> dict[str, Any]:
        return await anext(chunks, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        nonlocal reply
        if message["type"] == "http.response.start":
            assert reply is None
            reply = Reply(message["status"], list(message["headers"]))
        else:
            assert reply is not None
            reply.parts.append(message.get("body", b""))
            reply.more_body.append(message.get("more_body", False))

    await app(scope, receive, send)
    assert reply is not None
    return reply


def answering(
    *parts: bytes, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None
) -> App:
    """An app that always gives the same answer."""
    sent = [(b"content-type", b"application/json")] if headers is None else headers

    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": status, "headers": list(sent)})
        for number, part in enumerate(parts or (b"{}",), 1):
            more = number < len(parts)
            await send({"type": "http.response.body", "body": part, "more_body": more})

    return app


@dataclass
class Log:
    """Remembers what was logged."""

    lines: list[dict[str, Any]] = field(default_factory=list)

    def __getattr__(self, level: str) -> Callable[..., None]:
        def write(event: str, **said: Any) -> None:
            self.lines.append({"event": event, "level": level, **said})

        return write

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]
