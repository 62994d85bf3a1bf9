"""Keeps mail instead of sending it, for development and tests."""

import asyncio
import os
from pathlib import Path

import orjson

from server.jobs.mail import Mail
from server.platform.clock import Clock

_MOST = 500


class KeptMailer:
    """Writes each message to a file that its owner alone can read; the newest 500 stay.

    The file is named after the job, so an attempt that is repeated leaves one message. Job ids are
    UUIDv7, so the names sort by time (RFC 9562, section 6.11).
    """

    def __init__(self, *, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    async def send(self, mail: Mail) -> None:
        """Keeps a message. Raises `OSError`."""
        content = orjson.dumps(
            {
                "to": mail.to,
                "subject": mail.subject,
                "text": mail.text,
                "html": mail.html,
                "time": self._clock.now().isoformat(),
            }
        )
        await asyncio.to_thread(self._keep, f"{mail.job_id}.json", content)

    async def close(self) -> None:
        """Has nothing to close."""

    def _keep(self, name: str, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        unfinished = self._folder / f"{name}.part"
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        unfinished.rename(self._folder / name)
        self._thin_out()

    def _thin_out(self) -> None:
        for old in sorted(self._folder.glob("*.json"))[:-_MOST]:
            old.unlink(missing_ok=True)
