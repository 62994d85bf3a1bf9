"""Who is one and the same on the network."""

from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address

_INTERFACE_BITS = 64
_REMEMBERED = 4096


@lru_cache(maxsize=_REMEMBERED)
def aggregated(address: str) -> str:
    """What stands for an address wherever attempts are counted.

    An IPv6 address stands for its /64: whoever has one has all 2**64 of them (RFC 6177, section 2).
    One that carries an IPv4 address is that address (RFC 4291, section 2.5.5.2). Everything else,
    what is no address included, stands for itself.
    """
    try:
        ip = IPv6Address(address)
    except AddressValueError:
        return address
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    prefix = int(ip) >> _INTERFACE_BITS << _INTERFACE_BITS
    return f"{IPv6Address(prefix)}/{_INTERFACE_BITS}"
