"""`python -m bench.baselines.echo PORT`: a bare grpc.aio server that answers with the request.

No interceptor, no message: what gRPC for Python itself costs on the event loop that the core uses.
"""

import asyncio
import sys

import grpc
import uvloop

SERVICE = "bench.Echo"
METHOD = "Echo"


async def _echo(request: bytes, _context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
    return request


async def _serve(port: int) -> None:
    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(_echo)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),)
    )
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


def main() -> None:
    """Serves until it is killed."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
