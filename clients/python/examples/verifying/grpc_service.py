"""A gRPC service behind `GrpcGuard`: `python -m examples.verifying.grpc_service [address]`."""

import asyncio
import sys
from collections.abc import Awaitable

from grpc import aio

from examples.greeter.v1.greeter_pb2 import GreetRequest, GreetResponse
from examples.greeter.v1.greeter_pb2_grpc import (
    GreeterServiceServicer,
    add_GreeterServiceServicer_to_server,
)
from examples.verifying.settings import Settings, verifying
from limen.client.verifier import SIGNED_IN, GrpcGuard, Requirement, Verifier, current

REQUIREMENTS: dict[str, Requirement | None] = {
    "/examples.greeter.v1.GreeterService/Greet": SIGNED_IN,
}


class Greeter(GreeterServiceServicer):
    """Greets whoever is let in."""

    async def Greet(  # noqa: N802 - the name of the RPC
        self,
        request: GreetRequest,  # noqa: ARG002 - the signature of an RPC
        context: aio.ServicerContext[GreetRequest, Awaitable[GreetResponse]],  # noqa: ARG002 - as above
    ) -> GreetResponse:
        """Names the caller."""
        return GreetResponse(text=f"Come in, {current.get().user_id}.")


def server(verifier: Verifier, requirements: dict[str, Requirement | None]) -> aio.Server:
    """A server with the greeter behind the guard, on no port yet."""
    # Whatever is not named in `requirements` takes two factors, so that nothing is open by mistake.
    guard = GrpcGuard(verifier, requirements, otherwise=Requirement(two_factors=True))
    made = aio.server(interceptors=[guard], options=[("grpc.so_reuseport", 0)])
    add_GreeterServiceServicer_to_server(Greeter(), made)
    return made


async def serve(settings: Settings, address: str) -> None:
    """Serves until cancelled."""
    async with verifying(settings) as verifier:
        made = server(verifier, REQUIREMENTS)
        made.add_insecure_port(address)
        await made.start()
        try:
            await made.wait_for_termination()
        finally:
            await made.stop(grace=5)


if __name__ == "__main__":
    asyncio.run(serve(Settings.of(), sys.argv[1] if sys.argv[1:] else "127.0.0.1:50061"))
