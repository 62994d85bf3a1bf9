"""One HTTP binding of one RPC, as others may see it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """An entry of the routing table, for documentation, logs and metrics."""

    method: str
    """The HTTP method; `*` stands for all."""
    template: str
    """The path template as the contract has it, such as `/v1/users/{user_id}:disable`."""
    rpc: str
    """The full name of the RPC, such as `limen.users.v1.UserService.DisableUser`."""
    request: str
    """The full name of the request type."""
    response: str
    """The full name of the response type."""
    variables: tuple[str, ...]
    """The field paths that the path fills, in proto names."""
    body: str
    """The field that the body fills; `*` for the whole request, empty for none."""
    response_body: str
    """The field that the answer consists of; empty for the whole response."""
    server_streaming: bool
    """Whether the answer is a stream of responses."""

    @property
    def service(self) -> str:
        """The full name of the service."""
        return self.rpc.rpartition(".")[0]
