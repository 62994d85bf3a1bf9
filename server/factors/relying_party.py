"""For which web site passkeys are made (Web Authentication Level 3, section 4, "Relying Party").

The identifier is a domain that the settings decide, and never a request: whoever could choose it
could have a passkey shown to a site of their own.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

_LOCALHOST = "localhost"


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The site that passkeys belong to."""

    id: str
    """The domain. Passkeys work on it and on the domains below it."""
    origins: tuple[str, ...]
    """Where its pages come from, as browsers write it (RFC 6454, section 6.2)."""

    @classmethod
    def at(cls, public_url: str, *, others: Iterable[str] = ()) -> "RelyingParty":
        """The relying party behind a public URL, whose passkeys `others` may ask for as well.

        Browsers take no IP address for a domain. Where the URL has one of this machine, as on the
        desk of a developer, the party is `localhost` and its pages may come from there.
        """
        parts = urlsplit(public_url)
        host = parts.hostname or _LOCALHOST
        origins = [_origin(parts.scheme, host, parts.port)]
        if _is_loopback(host):
            host = _LOCALHOST
            origins.append(_origin(parts.scheme, host, parts.port))
        return cls(host, tuple(dict.fromkeys((*origins, *others))))


def _origin(scheme: str, host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    is_default = port in (None, 443 if scheme == "https" else 80)
    return f"{scheme}://{shown}" if is_default else f"{scheme}://{shown}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
