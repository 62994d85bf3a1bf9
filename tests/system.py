"""The whole system as its users get it: `limen up` in a process, on free ports."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import httpx

_READY_WITHIN = 120.0
_STOP_WITHIN = 15.0
_ADDRESSES = ("LIMEN_HTTP_ADDRESS", "LIMEN_GRPC_ADDRESS", "LIMEN_METRICS_ADDRESS")


class System:
    """A running limen with embedded servers, of the profile `test`. A context manager.

    Its data and what it prints stay in `folder` afterwards. `variables` are further settings.
    """

    admin_email = "admin@limen.localhost"

    def __init__(self, folder: Path, **variables: str) -> None:
        self.data_dir = folder / "data"
        self.output = folder / "output"
        self.addresses = dict(zip(_ADDRESSES, free_addresses(len(_ADDRESSES)), strict=True))
        outside = {name: at for name, at in os.environ.items() if not name.startswith("LIMEN_")}
        own = {"LIMEN_DATA_DIR": str(self.data_dir), "LIMEN_PROFILE": "test"}
        self._env = outside | own | self.addresses | variables
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "server.commands", "up"],
                env=self._env,
                stdout=output,
                stderr=output,
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        code = self._stop()
        assert code == 0, f"limen up ended with {code}:\n{self.output.read_text()}"

    @property
    def rest_url(self) -> str:
        """Where the edge listens, without a final slash."""
        return f"http://{self.addresses['LIMEN_HTTP_ADDRESS']}"

    @property
    def grpc_address(self) -> str:
        """Where the core listens."""
        return self.addresses["LIMEN_GRPC_ADDRESS"]

    @property
    def metrics_url(self) -> str:
        """Where the core shows its metrics."""
        return f"http://{self.addresses['LIMEN_METRICS_ADDRESS']}/metrics"

    @property
    def pid(self) -> int:
        """The process of `limen up`."""
        assert self._process is not None
        return self._process.pid

    @property
    def admin_password(self) -> str:
        """The password of the first administrator."""
        return (self.data_dir / "admin-password").read_text().strip()

    def wait(self, seconds: float) -> int:
        """The exit code of `limen up`, which ends within so many seconds."""
        assert self._process is not None
        return self._process.wait(seconds)

    def mail(self, to: str | None = None) -> list[dict[str, Any]]:
        """The mail that was sent, newest first: `to`, `subject`, `text`, `html`, `time`."""
        answer = httpx.get(f"{self.rest_url}/dev/mail", headers={"Accept": "application/json"})
        messages: list[dict[str, Any]] = answer.raise_for_status().json()["messages"]
        return [message for message in messages if to in (None, message["to"])]

    def wait_for_mail(self, to: str, *, after: int = 0) -> dict[str, Any]:
        """The newest message to `to`, once there are more than `after`."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            messages = self.mail(to)
            if len(messages) > after:
                return messages[0]
            time.sleep(0.05)
        raise AssertionError(f"no mail to {to} came")

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_WITHIN
        while "\nlimen is ready" not in f"\n{self.output.read_text()}":
            assert process.poll() is None, f"limen up did not start:\n{self.output.read_text()}"
            assert time.monotonic() < deadline, f"not ready in time:\n{self.output.read_text()}"
            time.sleep(0.05)

    def _stop(self) -> int:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def free_addresses(number: int) -> list[str]:
    """Loopback addresses whose ports were free a moment ago."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    addresses = [f"127.0.0.1:{listener.getsockname()[1]}" for listener in listeners]
    for listener in listeners:
        listener.close()
    return addresses
