"""Settings of the edge: read once at start from `LIMEN_*`, frozen, handed to constructors."""

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_MIN_SECRET = 32


class Profile(StrEnum):
    """Where limen runs. Decides the defaults, and what is refused at start."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


def split_address(address: str) -> tuple[str, int]:
    """The host, without the brackets of IPv6, and the port of `host:port`.

    Raises `ValueError` for anything else.
    """
    host, _, port = address.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not bare or (":" in host and bare == host) or not _is_port(port):
        raise ValueError("must look like 127.0.0.1:8080 or [::1]:8080")
    return bare, int(port)


def origin_of(url: str) -> str:
    """The origin of an absolute http(s) URL, as browsers write it (RFC 6454, section 6.2).

    Raises `ValueError` for anything else.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("must be an absolute http:// or https:// URL")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = 443 if parts.scheme == "https" else 80
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) < 65536


def _is_address(value: str) -> str:
    split_address(value)
    return value


def _is_base_url(value: str) -> str:
    origin_of(value)
    if urlsplit(value).query or urlsplit(value).fragment:
        raise ValueError("must have no query and no fragment")
    return value.rstrip("/")


def _is_origin(value: str) -> str:
    if origin_of(value) != value:
        raise ValueError(f"must be an origin such as {origin_of(value)}")
    return value


def _is_network(value: str) -> str:
    ipaddress.ip_network(value)
    return value


def _is_sendable(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be printable ASCII without blanks, as it travels in a header")
    return value


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(item.strip() for item in value.split(",") if item.strip())
    return value


def _raise_case(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


Address = Annotated[str, AfterValidator(_is_address)]
BaseUrl = Annotated[str, AfterValidator(_is_base_url)]
Network = Annotated[str, AfterValidator(_is_network)]
WebOrigin = Annotated[str, AfterValidator(_is_origin)]
Secret = Annotated[SecretStr, AfterValidator(_is_sendable)]
Addresses = Annotated[tuple[Address, ...], NoDecode, BeforeValidator(_split), Field(min_length=1)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_split)]
WebOrigins = Annotated[tuple[WebOrigin, ...], NoDecode, BeforeValidator(_split)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_raise_case)]


class Settings(BaseSettings):
    """Everything the edge can be told from outside.

    Durations are in seconds, sizes in bytes; lists are separated by commas. Raises
    `pydantic.ValidationError`, which names the setting and never shows a value.
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
    public_url: BaseUrl = "http://127.0.0.1:8080"

    http_address: Address = "127.0.0.1:8080"
    http_behind_tls_proxy: bool = False
    """Whether a proxy that ends TLS is all that can reach a listener on a public address."""
    trusted_proxies: Networks = ()
    """Addresses or networks whose `X-Forwarded-For` and `-Proto` are believed."""

    grpc_address: Addresses = ("127.0.0.1:50051",)
    """Where the core listens. Several must all be IPv4 or all IPv6; a name stands alone."""
    core_ca: Path | None = None
    """The authorities of the core's certificate, in PEM. Unset, the core speaks plain text."""
    core_streams: Annotated[int, Field(ge=1, le=64)] | None = None
    """How many streams carry calls in bundles. Unset: one for each address, two for a name."""
    edge_secret: Secret | None = None
    """What makes the core believe what the edge says about the browser."""

    cors_origins: WebOrigins = ()
    """Other origins whose scripts may call the API with the cookie."""

    max_body: Annotated[int, Field(ge=1024)] = 64 * 1024
    """Bytes of a body. Reading JSON holds up everybody else, a quarter of a second at worst."""
    max_in_flight: Annotated[int, Field(ge=1)] = 512
    """How many requests are worked on at once; more are refused with 503."""
    max_connections: Annotated[int, Field(ge=1)] = 4096
    request_timeout: Annotated[float, Field(gt=0, le=300)] = 15.0
    body_timeout: Annotated[float, Field(gt=0, le=300)] = 10.0
    """How long a client may take to send a body."""
    header_timeout: Annotated[float, Field(gt=0, le=60)] = 5.0
    """How long a client may take to send the head of a request."""

    drain: Annotated[float, Field(ge=0, le=60)] = 1.0
    """How long readiness fails, at the end, before the listener closes."""
    shutdown_grace: Annotated[float, Field(gt=0, le=60)] = 6.0
    """How long requests may take to finish after that."""

    log_level: LogLevel = "INFO"

    @model_validator(mode="after")
    def _names_one_kind_of_core(self) -> "Settings":
        if len(self.grpc_address) > 1 and self._core_families() not in ({4}, {6}):
            raise ValueError(
                "LIMEN_GRPC_ADDRESS: several addresses must all be IPv4 or all be IPv6;"
                " for names, use one that resolves to every core"
            )
        return self

    @model_validator(mode="after")
    def _fits_profile(self) -> "Settings":
        if self.profile is Profile.PRODUCTION and (faults := self._production_faults()):
            raise ValueError("; ".join(faults))
        return self

    def _core_families(self) -> set[int]:
        """The IP versions of the addresses of the core; 0 stands for a name."""
        return {ip_version(split_address(address)[0]) for address in self.grpc_address}

    def _production_faults(self) -> list[str]:
        faults = []
        if self.edge_secret is None:
            faults.append("LIMEN_EDGE_SECRET is required in production")
        elif len(self.edge_secret) < _MIN_SECRET:
            faults.append(f"LIMEN_EDGE_SECRET must have at least {_MIN_SECRET} characters")
        if not self.is_https:
            faults.append("LIMEN_PUBLIC_URL must begin with https:// in production")
        if not self.http_behind_tls_proxy and not _is_loopback(split_address(self.http_address)[0]):
            faults.append(
                "LIMEN_HTTP_ADDRESS would listen in plain text on an address that is not loopback;"
                " set LIMEN_HTTP_BEHIND_TLS_PROXY=1 if only a proxy that ends TLS can reach it"
            )
        return faults

    @property
    def core_target(self) -> str:
        """The address of the core as a gRPC name."""
        version = ip_version(split_address(self.grpc_address[0])[0])
        if len(self.grpc_address) > 1:
            return f"ipv{version}:{','.join(self.grpc_address)}"
        return f"dns:///{self.grpc_address[0]}"

    @property
    def bundle_streams(self) -> int:
        """How many streams carry calls: one for each core, as calls that share one are cheapest."""
        if self.core_streams is not None:
            return self.core_streams
        is_name = self._core_families() == {0}
        # What a name stands for is not known here; two keep it from being a single core.
        return 2 if is_name else len(self.grpc_address)

    @property
    def public_origin(self) -> str:
        """The origin under which browsers know limen."""
        return origin_of(self.public_url)

    @property
    def is_https(self) -> bool:
        """Whether browsers reach limen over TLS."""
        return self.public_url.startswith("https://")

    @property
    def is_development(self) -> bool:
        """Whether the edge runs on the machine of a developer."""
        return self.profile is Profile.DEVELOPMENT

    @property
    def shows_mail(self) -> bool:
        """Whether the edge shows the mail that was kept instead of sent."""
        return self.profile is not Profile.PRODUCTION

    @property
    def mail_dir(self) -> Path:
        """Where mail is kept when no SMTP server is named."""
        return self.data_dir / "mail"


def ip_version(host: str) -> int:
    """4 or 6, or 0 for a name."""
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return 0


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    return ip_version(host) != 0 and ipaddress.ip_address(host).is_loopback
