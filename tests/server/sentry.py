"""An HTTP server that poses as Sentry and keeps what it is sent."""

import contextlib
import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Sentry:
    """What arrived, as bytes and as events."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.envelopes: list[bytes] = []

    @property
    def raw(self) -> str:
        """Everything that arrived."""
        return b"\n".join(self.envelopes).decode()

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that arrived: objects on lines of their own, after lines of headers."""
        lines = (json.loads(line) for line in self.raw.splitlines() if line)
        return [line for line in lines if "exception" in line]


@contextlib.contextmanager
def sentry() -> Iterator[Sentry]:
    """A Sentry for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            is_packed = self.headers.get("content-encoding") == "gzip"
            kept.envelopes.append(gzip.decompress(body) if is_packed else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept = Sentry(f"http://key@127.0.0.1:{server.server_port}/1")
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield kept
        finally:
            server.shutdown()
            serving.join()
