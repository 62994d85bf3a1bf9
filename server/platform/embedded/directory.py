"""The data directory: private to its owner, used by one run at a time."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from server.platform.embedded.errors import EmbeddedError

_LONGEST_SOCKET_PATH = 107
"""In bytes: what `sun_path` holds on Linux without its final NUL (unix(7)). macOS holds 103."""
_LONGEST_NAME = ".s.PGSQL.5432.lock"
_LONG_LOG = 8 * 1024 * 1024


class DataDirectory:
    """Everything limen keeps on this machine. A context manager: entered, it belongs to this run.

    It is made for its owner alone; the mode of one that exists is its owner's business, and what
    is made inside is private all the same.

    Raises `EmbeddedError` on entry when another run has it, or when it belongs to somebody else.
    """

    was_abandoned = False
    """Whether the last run was killed, so that parts of it may still be about to end."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None
        self._elsewhere: Path | None = None

    def __enter__(self) -> Self:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EmbeddedError(
                f"cannot use the data directory {self.path} ({error.strerror}):"
                " run as its owner, or set LIMEN_DATA_DIR to a directory of your own"
            ) from error
        self._claim(self._lock)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._elsewhere is not None:
            shutil.rmtree(self._elsewhere, ignore_errors=True)
            self._elsewhere = None
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def _claim(self, lock: int) -> None:
        """The kernel drops the lock with the process, however that ends."""
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(lock, 20).decode(errors="replace").strip()
            os.close(lock)
            self._lock = None
            raise EmbeddedError(
                f"another limen (process {holder}) is using the data directory {self.path}:"
                " stop it, or set LIMEN_DATA_DIR to another directory"
            ) from None
        self.was_abandoned = os.fstat(lock).st_size > 0
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)

    def sockets(self) -> Path:
        """The private directory for Unix sockets: here, or elsewhere if this path is too long."""
        if self._elsewhere is not None:
            return self._elsewhere
        preferred = self.path / "run"
        if not _fits(preferred):
            self._elsewhere = _short_directory()
            return self._elsewhere
        preferred.mkdir(mode=0o700, exist_ok=True)
        return preferred

    def log(self, name: str) -> Path:
        """Where the server called `name` writes its log. A long one is put aside as `.old`."""
        folder = self.path / "log"
        folder.mkdir(mode=0o700, exist_ok=True)
        log = folder / f"{name}.log"
        if log.exists() and log.stat().st_size > _LONG_LOG:
            log.replace(log.with_suffix(".old"))
        return log


def _short_directory() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    for parent in (runtime, tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes it private
        if (
            parent
            and os.access(parent, os.W_OK | os.X_OK)
            and _fits(Path(parent) / "limen-12345678")
        ):
            return Path(tempfile.mkdtemp(prefix="limen-", dir=parent))
    raise EmbeddedError("no directory with a path short enough for a Unix socket: set TMPDIR")


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / _LONGEST_NAME)) <= _LONGEST_SOCKET_PATH
