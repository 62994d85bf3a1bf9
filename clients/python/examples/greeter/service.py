"""The greeter itself. It knows who is calling, and not how that was found out."""

from collections.abc import Awaitable

from grpc import aio

from examples.greeter.guard import Guard, principal
from examples.greeter.v1.greeter_pb2 import GreetRequest, GreetResponse
from examples.greeter.v1.greeter_pb2_grpc import (
    GreeterServiceServicer,
    add_GreeterServiceServicer_to_server,
)
from limen.client import Limen


class Greeter(GreeterServiceServicer):
    """Greets whoever is let in."""

    async def Greet(  # noqa: N802 - the name of the RPC
        self,
        request: GreetRequest,  # noqa: ARG002 - the signature of an RPC
        context: aio.ServicerContext[GreetRequest, Awaitable[GreetResponse]],  # noqa: ARG002 - as above
    ) -> GreetResponse:
        """Names the caller."""
        return GreetResponse(text=f"Come in, {principal.get().user_id}.")


def greeter_server(limen: Limen) -> aio.Server:
    """A server with the greeter behind the guard, on no port yet."""
    server = aio.server(interceptors=[Guard(limen)], options=[("grpc.so_reuseport", 0)])
    add_GreeterServiceServicer_to_server(Greeter(), server)
    return server
