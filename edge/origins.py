"""Which web origins may talk to limen with its cookie."""

from collections.abc import Iterable
from dataclasses import dataclass

from edge.facts import Facts


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins that are trusted, in the form of the `Origin` header (RFC 6454, section 7)."""

    own: bytes
    """The origin of limen itself."""
    others: frozenset[bytes]
    """The origins that are let in by name."""
    any_host_of_ours: bool = False
    """Whether the host that a request names counts as limen's own.

    True in development alone, where one listener goes by the names 127.0.0.1 and localhost.
    """

    @classmethod
    def of(cls, own: str, others: Iterable[str], *, any_host_of_ours: bool = False) -> "Origins":
        """The trusted origins, from text."""
        encoded = frozenset(other.encode("ascii") for other in others)
        return cls(own.encode("ascii"), encoded, any_host_of_ours)

    def lists(self, origin: bytes) -> bool:
        """Whether a foreign origin is let in by name."""
        return origin in self.others

    def trusts(self, facts: Facts) -> bool:
        """Whether the origin that a request names is limen's own or let in by name."""
        origin = facts.origin
        if origin == self.own or self.lists(origin):
            return True
        return self.any_host_of_ours and origin == b"http://" + facts.host
