"""A PostgreSQL cluster in the data directory."""

import asyncio
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from server.platform.embedded.account import Account, account_for, make_directory
from server.platform.embedded.daemon import Daemon
from server.platform.embedded.errors import EmbeddedError
from server.platform.embedded.process import kill, spawn
from server.platform.embedded.wheels import postgres_programs

OWNER = "limen"
"""The role that owns limen's database, and the name of that database."""
SUPERUSER = "postgres"

_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}
_FIRST_STATEMENTS = f"""\
CREATE ROLE {OWNER} LOGIN CREATEDB CREATEROLE;
CREATE DATABASE {OWNER} OWNER {OWNER};
"""
_CLUSTER = (
    *("--username", SUPERUSER),
    *("--auth", "trust"),  # Who may connect is decided by who may enter the socket's directory.
    *("--encoding", "UTF8"),
    # Sorting and case that do not depend on the machine's C library.
    *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"),
    "--no-instructions",
)
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "wal_level": "minimal",  # Nothing replicates from here.
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "io_method": "sync",  # Worker processes for reading ahead are for bigger machines.
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_error_verbosity": "terse",  # DETAIL lines show the values of rows: personal data.
    "log_checkpoints": "off",
    "createrole_self_grant": "set, inherit",  # The owner may act as the roles that it makes.
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres(Daemon):
    """A PostgreSQL that listens on a Unix socket in `sockets` and keeps its data in `directory`.

    Without `durable` it does not wait for the disk, and a power failure may destroy the data: for
    tests. Whoever uses it must hold the lock of the data directory.
    """

    def __init__(self, *, directory: Path, sockets: Path, log: Path, durable: bool = True) -> None:
        super().__init__(
            name="PostgreSQL",
            log=log,
            # INT is its "fast" shutdown, with a checkpoint; QUIT the "immediate" one, without.
            ends_on=(signal.SIGINT, signal.SIGQUIT),
            ready_within=120.0,
        )
        self.directory = directory
        self._sockets = sockets
        self._settings = _SETTINGS if durable else _SETTINGS | _NOT_DURABLE

    @property
    def url(self) -> str:
        """The URL of limen's database, as SQLAlchemy writes it for asyncpg."""
        return self.url_of(OWNER)

    def url_of(self, database: str, *, user: str = OWNER) -> str:
        """The URL of any database of this cluster."""
        host = quote(str(self._sockets), safe="/")
        return f"postgresql+asyncpg://{user}@/{database}?host={host}"

    async def start(self) -> None:
        """Makes the cluster if there is none, starts the server, waits until it takes connections.

        A server that outlived an earlier run is ended first. Raises `EmbeddedError` when the data
        is of another major version, or when the server ends or is not ready in time.
        """
        programs = postgres_programs()
        account = account_for(self.directory)
        if self.directory.exists():
            await self._check_version(programs, account)
            await self._clear_leftovers()
        else:
            await self._make_cluster(programs, account)
        postgres = str(programs / "postgres")
        command = [postgres, "-D", str(self.directory), *self._options()]
        await self._launch(command, account=account, env=_ENVIRONMENT)

    def _options(self) -> list[str]:
        settings = self._settings | {"unix_socket_directories": _quoted(self._sockets)}
        return [part for pair in settings.items() for part in ("-c", "=".join(pair))]

    async def _check_version(self, programs: Path, account: Account | None) -> None:
        found = (self.directory / "PG_VERSION").read_text().strip()
        ours = (await _run([str(programs / "postgres"), "--version"], account)).split()[-1]
        if found != ours.split(".")[0]:
            raise EmbeddedError(
                f"{self.directory} was made by PostgreSQL {found}, and this is PostgreSQL {ours}:"
                " move the data with pg_upgrade or a dump, or move the directory away to begin anew"
            )

    async def _clear_leftovers(self) -> None:
        """Removes what an earlier run that ended badly left in the way."""
        lock_file = self.directory / "postmaster.pid"
        if lock_file.exists():
            # Not at the top: its library comes with the extra that brings the servers.
            from server.platform.embedded.orphans import stop_orphans

            await asyncio.to_thread(
                stop_orphans, self.directory, program="postgres", politely=signal.SIGINT
            )
            # PostgreSQL would trust the number in it, which may be another process by now.
            lock_file.unlink(missing_ok=True)
        for leftover in self._sockets.glob(".s.PGSQL.*"):
            leftover.unlink()

    async def _make_cluster(self, programs: Path, account: Account | None) -> None:
        """Makes the cluster beside its place and moves it there when it is whole."""
        draft = self.directory.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        make_directory(draft, account)
        sync = [] if self._settings.get("fsync") != "off" else ["--no-sync"]
        initdb, postgres = str(programs / "initdb"), str(programs / "postgres")
        await _run([initdb, "-D", str(draft), *_CLUSTER, *sync], account)
        single = [postgres, "--single", "-D", str(draft), *self._options(), SUPERUSER]
        await _run(single, account, _FIRST_STATEMENTS)
        draft.rename(self.directory)

    async def _is_ready(self, pid: int) -> bool:
        """Reads the status line of `postmaster.pid`, as `pg_ctl --wait` does."""
        try:
            lines = (self.directory / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


async def _run(command: Sequence[str], account: Account | None, statements: str = "") -> str:
    """Runs one of PostgreSQL's programs to its end and gives what it printed."""
    process = await spawn(
        command,
        if_orphaned=signal.SIGTERM,
        account=account,
        env=_ENVIRONMENT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        printed, complaints = await process.communicate(statements.encode())
    finally:
        kill(process)
    # A single-user server reports a failed statement and still exits with 0.
    if process.returncode != 0 or b"ERROR:" in complaints:
        raise EmbeddedError(f"{Path(command[0]).name} failed: {complaints.decode().strip()}")
    return printed.decode().strip()


def _quoted(path: Path) -> str:
    """A path as one element of a list setting."""
    return '"' + str(path).replace('"', '""') + '"'
