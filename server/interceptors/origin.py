"""Where a call comes from: its request id, network address, device and language.

The edge speaks for browsers. What it says is believed only when it shows the secret that it shares
with the core; anybody else is taken for the address that the connection has.
"""

import hmac
import re
from random import getrandbits
from urllib.parse import unquote

from limen.messages.negotiation import negotiate
from server.caller import Origin
from server.interceptors.call import Context

REQUEST_ID = "x-request-id"
EDGE_SECRET = "limen-edge-secret"

_NETWORK = "limen-client-network"
_USER_AGENT = "limen-client-user-agent"
_WELL_FORMED_ID = re.compile(r"[A-Za-z0-9_.-]{8,128}").fullmatch
_MAX_USER_AGENT = 256
_UNKNOWN = "unknown"


class Origins:
    """Tells where calls come from."""

    def __init__(self, *, edge_secret: str | None) -> None:
        self._edge_secret = edge_secret.encode() if edge_secret else None

    def of(self, context: Context, metadata: dict[str, str]) -> Origin:
        """The origin of a call with these metadata."""
        request_id = metadata.get(REQUEST_ID, "")
        if not _WELL_FORMED_ID(request_id):
            request_id = f"{getrandbits(128):032x}"
        by_edge = self.is_edge(metadata)
        if by_edge:
            network = metadata.get(_NETWORK) or _UNKNOWN
            user_agent = metadata.get(_USER_AGENT, "")
        else:
            network = network_of(context.peer()) or _UNKNOWN
            user_agent = metadata.get("user-agent", "")
        return Origin(
            request_id=request_id,
            network=network,
            user_agent=user_agent[:_MAX_USER_AGENT],
            language=negotiate(metadata.get("accept-language", "")),
            by_edge=by_edge,
        )

    def is_edge(self, metadata: dict[str, str]) -> bool:
        """Whether metadata show the secret of the edge."""
        shown = metadata.get(EDGE_SECRET)
        return (
            shown is not None
            and self._edge_secret is not None
            and hmac.compare_digest(shown.encode(), self._edge_secret)
        )


def network_of(peer: str) -> str:
    """The address within a gRPC peer string, without its port.

    An example is `ipv4:192.0.2.1:4711`; Unix sockets have no address and give their kind.
    """
    kind, _, rest = peer.partition(":")
    if kind == "ipv4":
        return rest.rpartition(":")[0]
    if kind == "ipv6":
        return unquote(rest.rpartition(":")[0]).strip("[]")
    return kind
