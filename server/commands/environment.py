"""What `limen up` reads from its environment, and what it adds for the processes it starts."""

import asyncio
import base64
import errno
import os
import secrets
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PROFILES = ("development", "test", "production")
_KEY_BYTES = 32
_LOOK_AGAIN = 0.05
_SHUTDOWN_GRACE = "3"
"""Seconds a process may take to finish its calls: less than `limen up` waits before it kills."""


class UnusableSettingError(Exception):
    """A setting is wrong or missing; the text names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Address:
    """A TCP address to listen on, and the setting it came from."""

    setting: str
    host: str
    port: int

    @classmethod
    def read(cls, variables: Mapping[str, str], setting: str, default: str) -> "Address":
        """Reads `host:port`. Raises `UnusableSettingError` if it is anything else."""
        text = variables.get(setting) or default
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise UnusableSettingError(f"{setting} must look like {default}, not {text!r}")
        return cls(setting, host.strip("[]"), int(port))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Where a browser on this machine finds what listens here."""
        everywhere = self.host in {"0.0.0.0", "::"}  # noqa: S104 - compared, not listened on
        return f"http://127.0.0.1:{self.port}" if everywhere else f"http://{self}"

    async def require_free(self, *, within: float = 0.0) -> None:
        """Returns when nothing listens here. Waits `within` seconds for what may be about to end.

        Raises `UnusableSettingError` if something still does, or if nothing may listen here. A
        gRPC server would not notice: it shares its port with any other that allows it.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + within
        while (fault := self._fault()) is not None:
            if fault.errno != errno.EADDRINUSE or clock() >= deadline:
                raise UnusableSettingError(
                    f"cannot listen on {self}: {fault.strerror}. Stop what uses it, or set"
                    f" {self.setting} to another address"
                )
            await asyncio.sleep(_LOOK_AGAIN)

    def _fault(self) -> OSError | None:
        """What would go wrong for one who listens here now."""
        try:
            family, kind, protocol, _, where = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(where)
        except OSError as error:
            return error
        return None


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings that decide what `limen up` starts."""

    variables: Mapping[str, str]
    profile: str
    data_dir: Path
    grpc: Address
    http: Address
    metrics: Address

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> "Environment":
        """Raises `UnusableSettingError` for a setting that cannot be used."""
        profile = variables.get("LIMEN_PROFILE") or _PROFILES[0]
        if profile not in _PROFILES:
            raise UnusableSettingError(
                f"LIMEN_PROFILE must be one of {', '.join(_PROFILES)}, not {profile!r}"
            )
        return cls(
            variables=variables,
            profile=profile,
            data_dir=Path(variables.get("LIMEN_DATA_DIR") or ".limen").absolute(),
            grpc=Address.read(variables, "LIMEN_GRPC_ADDRESS", "127.0.0.1:50051"),
            http=Address.read(variables, "LIMEN_HTTP_ADDRESS", "127.0.0.1:8080"),
            metrics=Address.read(variables, "LIMEN_METRICS_ADDRESS", "127.0.0.1:9464"),
        )

    def core_authorities(self) -> bytes | None:
        """The authorities of the core's certificate, in PEM; None where it speaks plain text.

        Raises `UnusableSettingError` for a file that cannot be read.
        """
        path = self.variables.get("LIMEN_CORE_CA")
        try:
            return Path(path).read_bytes() if path else None
        except OSError as error:
            raise UnusableSettingError(f"LIMEN_CORE_CA cannot be read: {error}") from None

    @property
    def is_production(self) -> bool:
        """Whether nothing may be made up that an operator should decide."""
        return self.profile == "production"

    def for_children(self, *, database_url: str, valkey_url: str) -> dict[str, str]:
        """The environment of the processes of this run: all that was given, and what was not.

        Makes `secret.key` in the data directory if there is none and the profile allows it.
        Raises `UnusableSettingError` if it does not, or if the file cannot be used.
        """
        defaults = {
            "LIMEN_PROFILE": self.profile,
            "LIMEN_DATABASE_URL": database_url,
            "LIMEN_VALKEY_URL": valkey_url,
            "LIMEN_GRPC_ADDRESS": str(self.grpc),
            "LIMEN_HTTP_ADDRESS": str(self.http),
            "LIMEN_METRICS_ADDRESS": str(self.metrics),
            # The core and the edge of one run know each other by it; nobody else needs it.
            "LIMEN_EDGE_SECRET": secrets.token_urlsafe(_KEY_BYTES),
            "LIMEN_SHUTDOWN_GRACE": _SHUTDOWN_GRACE,
            "LIMEN_DRAIN": "0",  # No balancer has to notice: this is one machine.
        }
        if not self.is_production:
            defaults["LIMEN_PUBLIC_URL"] = self.http.url
        given = {
            name: value
            for name, value in self.variables.items()
            if value or not name.startswith("LIMEN_")
        }
        if "LIMEN_SECRET_KEY" not in given:
            defaults["LIMEN_SECRET_KEY"] = self._own_secret_key()
        return defaults | given | {"LIMEN_DATA_DIR": str(self.data_dir)}

    def _own_secret_key(self) -> str:
        if self.is_production:
            raise UnusableSettingError(
                "LIMEN_SECRET_KEY is required in production: 32 random bytes in base64url, such as"
                " `openssl rand -base64 32 | tr '+/' '-_'` gives; without it data cannot be read"
            )
        path = self.data_dir / "secret.key"
        if not path.exists():
            _write_whole(path, secrets.token_urlsafe(_KEY_BYTES))
        key = path.read_text().strip()
        if not _is_key(key):
            raise UnusableSettingError(
                f"{path} does not hold 32 bytes in base64url: restore it from a backup, or set"
                " LIMEN_SECRET_KEY; without the key, what it encrypted cannot be read"
            )
        return key


def _is_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) == _KEY_BYTES
    except ValueError:
        return False


def _write_whole(path: Path, text: str) -> None:
    """Writes a private file so that it is either whole or absent, whatever happens meanwhile."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    Path(draft).rename(path)
