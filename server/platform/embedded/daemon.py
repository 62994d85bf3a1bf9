"""A server that is ready some time after it was started."""

import asyncio
import signal
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from server.platform.embedded.account import Account
from server.platform.embedded.errors import EmbeddedError
from server.platform.embedded.process import Program, spawn

_LOOK_AGAIN = 0.01


class Daemon(Program):
    """A server that writes its log to a file.

    `ends_on` are the signals that end it, the most careful first; `ready_within` the seconds after
    which a start is given up: long enough to recover from a crash.
    """

    def __init__(
        self, *, name: str, log: Path, ends_on: Sequence[signal.Signals], ready_within: float
    ) -> None:
        super().__init__(name=name, ends_on=ends_on)
        self._log = log
        self._ready_within = ready_within

    @abstractmethod
    async def _is_ready(self, pid: int) -> bool:
        """Whether the server that runs as `pid` can be used."""

    async def _launch(
        self, command: Sequence[str], *, account: Account | None, env: Mapping[str, str]
    ) -> None:
        """Starts the process and waits until it is ready. Raises `EmbeddedError`."""
        with self._log.open("ab") as log:
            self._process = await spawn(
                command,
                if_orphaned=self._ends_on[0],
                account=account,
                env=env,
                stdout=log,
                stderr=log,
            )
        ended = asyncio.ensure_future(self._process.wait())
        try:
            async with asyncio.timeout(self._ready_within):
                while not await self._is_ready(self._process.pid):
                    await asyncio.wait([ended], timeout=_LOOK_AGAIN)
                    if ended.done():
                        raise EmbeddedError(f"{self.name} did not start: {self._last_words()}")
        except TimeoutError:
            raise EmbeddedError(
                f"{self.name} was not ready after {self._ready_within:.0f} s; see {self._log}"
            ) from None
        finally:
            ended.cancel()

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return f"{lines[-1] if lines else 'no reason given'} (its log is {self._log})"
