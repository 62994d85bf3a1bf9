"""Says that the fake is well (grpc.health.v1), which clients of limen ask before they call."""

from collections.abc import Callable, Iterator

import grpc

_SERVING = b"\x08\x01"
"""A HealthCheckResponse with the status SERVING; two bytes are no reason to depend on more."""


def handlers(wait: Callable[[Callable[[], bool]], None]) -> grpc.GenericRpcHandler:
    """The service `grpc.health.v1.Health`. `wait` returns when nobody wants to know any more."""

    def check(_request: bytes, _context: grpc.ServicerContext) -> bytes:
        return _SERVING

    def watch(_request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield _SERVING
        wait(context.is_active)

    return grpc.method_handlers_generic_handler(
        "grpc.health.v1.Health",
        {
            "Check": grpc.unary_unary_rpc_method_handler(check),
            "Watch": grpc.unary_stream_rpc_method_handler(watch),
        },
    )
