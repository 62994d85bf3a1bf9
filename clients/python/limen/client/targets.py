"""Addresses of limen, from the way people write them to gRPC target names.

The forms follow the gRPC name syntax (grpc/grpc, doc/naming.md). What matters beyond the syntax
is whether the traffic can leave the machine, because only then must it be encrypted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

_LOCAL_SCHEMES = ("unix:", "unix-abstract:")
_IP_SCHEMES = ("ipv4:", "ipv6:")


@dataclass(frozen=True, slots=True)
class Target:
    """Where the servers are."""

    uri: str
    """The target name for gRPC."""
    local: bool
    """Whether all traffic stays on this machine."""


@dataclass(frozen=True, slots=True)
class _Endpoint:
    host: str
    port: int
    ip: IPv4Address | IPv6Address | None

    @property
    def local(self) -> bool:
        """RFC 6761, section 6.3, keeps the name `localhost` for loopback addresses."""
        return self.host == "localhost" if self.ip is None else self.ip.is_loopback

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_targets(target: str | Iterable[str]) -> Target:
    """Reads one address or several of the same service.

    Each is `host:port`, `[ipv6]:port`, `dns:[//authority/]host:port` or `unix:path`; several are
    given as a list or separated by commas. Several must be IP addresses of one family, which is
    what gRPC can balance over without a name server; otherwise use one name with several records.

    Raises ValueError, saying what to write instead.
    """
    addresses = _split(target)
    if not addresses:
        raise ValueError("no target: give host:port, or several")
    if len(addresses) == 1:
        return _single(addresses[0])
    return _several(addresses)


def _split(target: str | Iterable[str]) -> list[str]:
    given = [target] if isinstance(target, str) else list(target)
    if len(given) == 1 and given[0].startswith(_LOCAL_SCHEMES):
        return given
    return [part.strip() for item in given for part in item.split(",") if part.strip()]


def _single(address: str) -> Target:
    if address.startswith(_LOCAL_SCHEMES):
        return Target(address, local=True)
    if address.startswith("dns:"):
        return _dns(address)
    endpoint = _endpoint(address)
    if endpoint.ip is None:
        return Target(f"dns:///{endpoint}", endpoint.local)
    return _several([address])


def _dns(address: str) -> Target:
    """`dns:host:port`, or `dns://authority/host:port`, which asks that name server."""
    parts = urlsplit(address)
    endpoint = _endpoint(parts.path.removeprefix("/"))
    return Target(address, local=endpoint.local and not parts.netloc)


def _several(addresses: list[str]) -> Target:
    endpoints = [_endpoint(address) for address in addresses]
    families = {endpoint.ip.version if endpoint.ip else 0 for endpoint in endpoints}
    if 0 in families or len(families) > 1:
        raise ValueError(
            f"several targets must be IP addresses of one family, not {', '.join(addresses)}; "
            "use one DNS name with several records for the rest"
        )
    listed = ",".join(str(endpoint) for endpoint in endpoints)
    return Target(f"ipv{families.pop()}:{listed}", all(endpoint.local for endpoint in endpoints))


def _endpoint(address: str) -> _Endpoint:
    plain = address
    for scheme in _IP_SCHEMES:
        plain = plain.removeprefix(scheme)
    try:
        parts = urlsplit(f"//{plain}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not port or parts.netloc != plain or "@" in plain:
        raise ValueError(f"{address!r} is no gRPC target: give host:port, without http://")
    return _Endpoint(host, port, _ip(host))


def _ip(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
