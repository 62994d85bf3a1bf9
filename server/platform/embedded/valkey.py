"""A Valkey in the data directory."""

import asyncio
import signal
from pathlib import Path
from urllib.parse import quote

from server.platform.embedded.account import account_for, make_directory
from server.platform.embedded.daemon import Daemon
from server.platform.embedded.wheels import valkey_server

_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}
_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "save": "",
    # It carries the jobs: what it has accepted must outlive it, and it must refuse, not forget.
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "maxmemory": "256mb",
}
_NOT_DURABLE = {"appendonly": "no"}


class EmbeddedValkey(Daemon):
    """A Valkey that listens on a Unix socket in `sockets` and keeps its journal in `directory`.

    Without `durable` it keeps nothing: for tests. Whoever uses it must hold the lock of the data
    directory.
    """

    def __init__(self, *, directory: Path, sockets: Path, log: Path, durable: bool = True) -> None:
        super().__init__(name="Valkey", log=log, ends_on=(signal.SIGTERM,), ready_within=60.0)
        self._directory = directory
        self._socket = sockets / "valkey.sock"
        self._settings = _SETTINGS if durable else _SETTINGS | _NOT_DURABLE

    @property
    def url(self) -> str:
        """The URL of database 0, as redis-py writes it."""
        return f"unix://{quote(str(self._socket), safe='/')}?db=0"

    async def start(self) -> None:
        """Starts the server and waits until it answers.

        A server that outlived an earlier run is ended first. Raises `EmbeddedError` when the
        server ends or is not ready in time.
        """
        program = str(valkey_server())
        account = account_for(self._directory)
        make_directory(self._directory, account)
        await self._clear_leftovers()
        await self._launch([program, *self._options()], account=account, env=_ENVIRONMENT)

    @property
    def _pid_file(self) -> Path:
        return self._directory / "valkey.pid"

    def _options(self) -> list[str]:
        places = {
            "dir": str(self._directory),
            "pidfile": str(self._pid_file),
            "unixsocket": str(self._socket),
        }
        settings = (self._settings | places).items()
        return [part for name, value in settings for part in (f"--{name}", value)]

    async def _clear_leftovers(self) -> None:
        """Ends a server that an earlier run left behind."""
        if self._pid_file.exists():
            # Not at the top: its library comes with the extra that brings the servers.
            from server.platform.embedded.orphans import stop_orphans

            await asyncio.to_thread(
                stop_orphans, self._directory, program="valkey-server", politely=signal.SIGTERM
            )
            self._pid_file.unlink(missing_ok=True)
        self._socket.unlink(missing_ok=True)

    async def _is_ready(self, _: int) -> bool:
        """Whether it says PONG; while it reads its journal, it says LOADING."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            return (await reader.readline()).startswith(b"+PONG")
        except OSError:
            return False
        finally:
            writer.close()
