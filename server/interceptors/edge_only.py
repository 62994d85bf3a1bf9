"""What edge and core say to each other stays between them."""

from google.protobuf.message import Message

from server import errors
from server.interceptors.call import Call
from server.interceptors.origin import EDGE_SECRET, Origins


class EdgeOnly:
    """The gate of RPCs that are for the edge: their caller shows its secret."""

    def __init__(self, *, origins: Origins) -> None:
        self._origins = origins

    async def admit(self, call: Call, _request: Message | None) -> None:
        """Raises `errors.Unauthenticated` without a secret, `errors.CredentialInvalid` for a wrong
        one, and for any where the core has none itself.
        """
        if EDGE_SECRET not in call.metadata:
            raise errors.Unauthenticated
        if not self._origins.is_edge(call.metadata):
            raise errors.CredentialInvalid
