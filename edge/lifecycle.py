"""Whether the edge is on its way out."""

import asyncio


class Lifecycle:
    """Tells the parts of the edge when it stops, in the order in which they should notice.

    First `drain`: readiness fails, while everything is still served, so that load balancers look
    elsewhere. Then `close`: streams, which would never end by themselves, are ended.
    """

    def __init__(self) -> None:
        self.draining = False
        self.closing = asyncio.Event()

    def drain(self) -> None:
        """Begin to stop. May be called from a signal handler."""
        self.draining = True

    def close(self) -> None:
        """End what does not end by itself."""
        self.closing.set()
