"""Settings of the core: read once at start from `LIMEN_*`, frozen, handed to constructors."""

import base64
import binascii
import ipaddress
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from redis.asyncio.connection import parse_url

from server.platform.database_urls import for_asyncpg

_KEY_BYTES = 32
_SHORTEST_EDGE_SECRET = 32
_MOST_LIMIT_SCALE = 10

# The floor that OWASP's Password Storage Cheat Sheet names: 19 MiB twice, or 46 MiB once.
_LEAST_MEMORY_KIB = 19 * 1024
_LEAST_MEMORY_KIB_ONCE = 46 * 1024

# RFC 1918, RFC 4193, and link-local addresses. What `ipaddress` calls private is far more.
_PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
)


class Profile(StrEnum):
    """Where limen runs. Decides the defaults, and what is refused at start."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class MisconfiguredError(Exception):
    """The settings contradict each other or lack something; the text says what to change."""


def _is_address(value: str) -> str:
    host, separator, port = value.rpartition(":")
    if not separator or not host or not port.isdigit() or not 0 <= int(port) < 65536:
        raise ValueError("must look like 127.0.0.1:50051")
    return value


def _in_asyncpgs_words(url: SecretStr) -> SecretStr:
    return SecretStr(for_asyncpg(url.get_secret_value()))


def _is_valkey(url: SecretStr) -> SecretStr:
    try:
        parse_url(url.get_secret_value())
    except ValueError:
        raise ValueError("must look like redis://host:port, rediss://... or unix://path") from None
    return url


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(item.strip() for item in value.split(",") if item.strip())
    return value


def _raise_case(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


Address = Annotated[str, AfterValidator(_is_address)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_in_asyncpgs_words)]
ValkeyUrl = Annotated[SecretStr, AfterValidator(_is_valkey)]
# Those of Android apps are no URLs (Digital Asset Links), so nothing but blanks is refused.
WebauthnOrigin = Annotated[str, Field(pattern=r"^[a-z]+:\S+[^/\s]$")]
WebauthnOrigins = Annotated[tuple[WebauthnOrigin, ...], NoDecode, BeforeValidator(_split)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_raise_case)]


class Settings(BaseSettings):
    """Everything the core and the worker can be told from outside.

    Durations are in seconds, sizes in bytes.
    """

    model_config = SettingsConfigDict(
        env_prefix="LIMEN_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    profile: Profile = Profile.DEVELOPMENT
    data_dir: Path = Path(".limen")
    public_url: str = "http://127.0.0.1:8080"

    grpc_address: Address = "127.0.0.1:50051"
    mtls_address: Address | None = None
    """Where programs call that show client certificates. Unset, nowhere."""
    tls_certificate: Path | None = None
    """The certificate chain of the gRPC listeners, in PEM. Unset, `grpc_address` is plain text."""
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    """The authorities of the client certificates that `mtls_address` demands, in PEM."""
    metrics_address: Address = "127.0.0.1:9464"
    core_processes: Annotated[int, Field(ge=1, le=64)] = 1
    reflection: bool | None = None
    shutdown_grace: Annotated[float, Field(gt=0, le=60)] = 4.0
    max_request_bytes: Annotated[int, Field(ge=1024)] = 4 * 1024 * 1024
    max_deadline: Annotated[float, Field(gt=0)] = 30.0
    max_concurrent_calls: Annotated[int, Field(ge=10)] = 2000

    database_url: DatabaseUrl
    database_pool: Annotated[int, Field(ge=2, le=500)] = 20
    database_pool_timeout: Annotated[float, Field(gt=0)] = 2.0
    valkey_url: ValkeyUrl

    secret_key: SecretStr
    """Keys of 32 bytes in base64url, separated by commas: the first makes, all of them verify."""
    edge_secret: SecretStr | None = None
    """What the edge shows to be believed about the browser's address. Without it no edge is."""

    smtp_url: SecretStr | None = None
    mail_from: str = "limen <no-reply@limen.localhost>"

    webauthn_origins: WebauthnOrigins = ()
    """Further origins whose pages or apps may ask for passkeys of the host of the public URL."""

    issuer: str | None = None
    audience: str = "limen"
    access_token_ttl: Annotated[int, Field(ge=30, le=3600)] = 600
    session_idle: Annotated[int, Field(ge=60)] = 14 * 24 * 3600
    session_lifetime: Annotated[int, Field(ge=60)] = 90 * 24 * 3600
    refresh_grace: Annotated[float, Field(ge=0, le=60)] = 10.0
    key_rotation: Annotated[int, Field(ge=24 * 3600)] = 90 * 24 * 3600
    """How long a key signs access tokens before the next one does."""

    argon2_memory_kib: Annotated[int, Field(ge=8)] = 19 * 1024
    argon2_time: Annotated[int, Field(ge=1)] = 2
    argon2_parallelism: Annotated[int, Field(ge=1)] = 1
    hashing_memory: Annotated[int, Field(ge=1024 * 1024)] = 512 * 1024 * 1024
    breached_passwords: Path | None = None
    """A list of breached passwords as Have I Been Pwned offers it. Unset: none is compared with."""
    hashing_queue: Annotated[int, Field(ge=0)] = 100

    rate_limit_scale: Annotated[float, Field(gt=0)] | None = None
    """Multiplies every budget of the contract. Unset: 1 in production, 20 elsewhere."""

    sentry_dsn: SecretStr | None = None
    log_level: LogLevel = "INFO"

    @model_validator(mode="after")
    def _fits_profile(self) -> "Settings":
        self.secret_keys()
        self._check_tls()
        if self.profile is Profile.PRODUCTION:
            faults = [*self._production_faults()]
            if faults:
                raise MisconfiguredError("; ".join(faults))
        return self

    def _check_tls(self) -> None:
        if (self.tls_certificate is None) is not (self.tls_key is None):
            raise MisconfiguredError("LIMEN_TLS_CERTIFICATE and LIMEN_TLS_KEY need each other")
        if (self.mtls_address is None) is not (self.tls_client_ca is None):
            raise MisconfiguredError("LIMEN_MTLS_ADDRESS and LIMEN_TLS_CLIENT_CA need each other")
        if self.mtls_address is not None and self.tls_certificate is None:
            raise MisconfiguredError("LIMEN_MTLS_ADDRESS needs LIMEN_TLS_CERTIFICATE")

    def _production_faults(self) -> list[str]:
        faults = []
        if not _is_https(self.public_url):
            faults.append("LIMEN_PUBLIC_URL must begin with https:// and a host in production")
        if self.edge_secret is None:
            faults.append("LIMEN_EDGE_SECRET is required in production")
        elif len(self.edge_secret) < _SHORTEST_EDGE_SECRET:
            faults.append(
                f"LIMEN_EDGE_SECRET must have at least {_SHORTEST_EDGE_SECRET} characters"
            )
        if not self.smtp_url:
            faults.append("LIMEN_SMTP_URL is required in production")
        if "localhost" in self.mail_from:
            faults.append("LIMEN_MAIL_FROM must name your own domain in production")
        if not self._hashes_slowly():
            faults.append(
                f"LIMEN_ARGON2_MEMORY_KIB must be at least {_LEAST_MEMORY_KIB}, or"
                f" {_LEAST_MEMORY_KIB_ONCE} where LIMEN_ARGON2_TIME is 1, in production"
            )
        if self.limit_scale > _MOST_LIMIT_SCALE:
            faults.append(
                f"LIMEN_RATE_LIMIT_SCALE must be at most {_MOST_LIMIT_SCALE} in production"
            )
        faults.extend(
            f"{name} listens in plain text on a public address; use a loopback or private one"
            for name, address in (
                ("LIMEN_GRPC_ADDRESS", self.grpc_address),
                ("LIMEN_METRICS_ADDRESS", self.metrics_address),
            )
            if _is_public(address)
            and not (name == "LIMEN_GRPC_ADDRESS" and self.tls_certificate is not None)
        )
        return faults

    def _hashes_slowly(self) -> bool:
        least = _LEAST_MEMORY_KIB if self.argon2_time > 1 else _LEAST_MEMORY_KIB_ONCE
        return self.argon2_memory_kib >= least

    def secret_keys(self) -> list[bytes]:
        """The root secrets, the one in force first.

        Raises `MisconfiguredError` for a key that is not 32 bytes of base64url.
        """
        return [_decode_key(text) for text in self.secret_key.get_secret_value().split(",")]

    @property
    def token_issuer(self) -> str:
        """The `iss` of access tokens (RFC 9068, section 2.2)."""
        return self.issuer or self.public_url

    @property
    def shows_traces(self) -> bool:
        """Whether an unexpected error may show its trace to the caller."""
        return self.profile is Profile.DEVELOPMENT

    @property
    def serves_reflection(self) -> bool:
        """Whether gRPC server reflection is on."""
        if self.reflection is not None:
            return self.reflection
        return self.profile is not Profile.PRODUCTION

    @property
    def limit_scale(self) -> float:
        """What the budgets of the contract are multiplied by."""
        if self.rate_limit_scale is not None:
            return self.rate_limit_scale
        return 1.0 if self.profile is Profile.PRODUCTION else 20.0

    @property
    def mail_dir(self) -> Path:
        """Where mail is kept when no SMTP server is named."""
        return self.data_dir / "mail"

    @property
    def cores(self) -> int:
        """How many processors this process may use."""
        return len(os.sched_getaffinity(0))


def _decode_key(text: str) -> bytes:
    try:
        key = base64.urlsafe_b64decode(text.strip() + "=" * (-len(text.strip()) % 4))
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise MisconfiguredError("LIMEN_SECRET_KEY must hold keys of 32 bytes in base64url")
    return key


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_public(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return host != "localhost"
    return not (ip.is_loopback or any(ip in ipaddress.ip_network(net) for net in _PRIVATE))
