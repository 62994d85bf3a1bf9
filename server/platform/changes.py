"""Hearing of changes that other processes commit, so that what is remembered here stays true.

Triggers on the tables send `NOTIFY limen_changes, '<kind>:<key>'` in the transaction that changes a
row, so a notice is neither lost nor early. While the connection that listens is down nothing may be
remembered: `is_live` says no, and everything remembered before is dropped.
"""

import asyncio
import contextlib
from collections.abc import Callable

import asyncpg
import structlog

from server.platform.database import Database, connection_arguments

CHANNEL = "limen_changes"

_RETRY_SECONDS = 0.5
_PROBE_SECONDS = 2.0

_log = structlog.get_logger(__name__)


class Changes:
    """The listener of one process. Runs until cancelled; reconnects by itself."""

    def __init__(self, *, url: str, database: Database) -> None:
        self._arguments = connection_arguments(url)
        self._database = database
        self._forget: list[Callable[[], None]] = []
        self._live = False

    def is_live(self) -> bool:
        """Whether every change is being heard, so that remembering is safe."""
        return self._live

    def on_gap(self, forget: Callable[[], None]) -> None:
        """Calls `forget` whenever changes may have gone unheard."""
        self._forget.append(forget)

    async def run(self) -> None:
        """Listens. A lost connection is noticed within two seconds, mostly at once."""
        while True:
            try:
                await self._listen()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _log.warning("changes.lost", error=type(error).__name__)
            finally:
                self._set_live(value=False)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(
            **self._arguments,
            timeout=3,
            server_settings={"application_name": "limen-changes"},
        )
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            await connection.add_listener(CHANNEL, self._hear)
            self._set_live(value=True)
            while not lost.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(lost.wait(), _PROBE_SECONDS)
                if not lost.is_set():
                    await connection.execute("SELECT 1", timeout=_PROBE_SECONDS)
        finally:
            connection.terminate()

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        kind, _, key = str(payload).partition(":")
        self._database.apply(kind, key)

    def _set_live(self, *, value: bool) -> None:
        # Forgetting on both edges: what was remembered before a gap may have changed within it.
        self._live = value
        for forget in self._forget:
            forget()
