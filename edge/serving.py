"""Runs the edge under uvicorn, from the first connection to the last."""

import gc
import math
import socket
from time import monotonic
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from edge.lifecycle import Lifecycle
from edge.problems import Problems
from edge.protocol import Bounds, bounded_protocol
from edge.secure_headers import data_headers
from edge.settings import Settings, split_address

_MAX_HEAD = 32 * 1024
_KEEP_ALIVE = 65
"""Seconds an idle connection is kept: longer than load balancers do, so that they close first."""


class Server(uvicorn.Server):
    """A uvicorn server that is seen to leave before it leaves.

    At SIGTERM or SIGINT readiness fails; `drain` seconds later the listener closes, streams end,
    and what is in flight may finish. A second signal ends the wait.
    """

    def __init__(self, config: uvicorn.Config, *, lifecycle: Lifecycle, drain: float) -> None:
        super().__init__(config)
        self._lifecycle = lifecycle
        self._drain = drain
        self._leave_at = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # uvicorn's
        """Begins to leave. Unlike uvicorn's own, the process then ends with exit code 0."""
        if self.should_exit:
            self.force_exit = True
        else:
            self.should_exit = True
            self._leave_at = monotonic() + self._drain
            self._lifecycle.drain()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to listen."""
        await super().startup(sockets)
        # What exists now exists for good: the collector need not look at it again and again.
        gc.freeze()

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop serving. Called ten times a second."""
        if not await super().on_tick(counter):
            return False
        return self.force_exit or monotonic() >= self._leave_at

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Closes the listener, and every connection as its request ends."""
        self._lifecycle.close()
        await super().shutdown(sockets)


def make_server(
    app: ASGIApp, settings: Settings, *, lifecycle: Lifecycle, problems: Problems
) -> Server:
    """The server of `app`, ready to `serve`."""
    host, port = split_address(settings.http_address)
    bounds = Bounds(_MAX_HEAD, settings.header_timeout, settings.max_connections)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=bounded_protocol(bounds, problems, data_headers(https=settings.is_https)),
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_grace),
    )
    return Server(config, lifecycle=lifecycle, drain=settings.drain)
