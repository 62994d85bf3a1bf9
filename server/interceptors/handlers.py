"""The handlers of every service, in one place."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import grpc

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class Handlers:
    """Takes the place of the server in generated `add_..._to_server` functions.

    What they register is found here by gRPC path, for the chain to wrap.
    """

    def __init__(self) -> None:
        self.by_path: dict[str, Handler] = {}

    def add_generic_rpc_handlers(
        self, generic_rpc_handlers: Sequence[grpc.GenericRpcHandler]
    ) -> None:
        """Leaves them: they are what follows once more, behind a face that must be asked."""

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Handler]
    ) -> None:
        """Takes the handlers of a service, by the names of its methods."""
        for name, handler in method_handlers.items():
            self.by_path[f"/{service_name}/{name}"] = handler
