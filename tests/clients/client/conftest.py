"""Servers that speak the contract and do as the test says. Real gRPC over loopback sockets."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_status import rpc_status

from limen.client.contract import FILES

Script = Callable[..., Any]


@dataclass(frozen=True)
class Seen:
    """A call as it reached the server."""

    method: str
    request: Any
    headers: dict[str, Any]
    time_remaining: float | None


class Backend:
    """One server. Unscripted calls answer with an empty message."""

    def __init__(self) -> None:
        self.calls: list[Seen] = []
        self.health = HealthServicer()
        self._scripts: dict[str, Script] = {}

    async def start(self, address: str, credentials: grpc.ServerCredentials | None) -> None:
        self._server = aio.server(options=[("grpc.so_reuseport", 0)])
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self._server)
        await self.serving(True)
        for file in FILES:
            for service in file.services_by_name.values():
                handlers = {method.name: self._handler(method) for method in service.methods}
                generic = grpc.method_handlers_generic_handler(service.full_name, handlers)
                self._server.add_generic_rpc_handlers((generic,))
        if credentials is None:
            self.port = self._server.add_insecure_port(address)
        else:
            self.port = self._server.add_secure_port(address, credentials)
        self.address = f"127.0.0.1:{self.port}"
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None)

    async def serving(self, yes: bool) -> None:
        status = health_pb2.HealthCheckResponse
        await self.health.set("", status.SERVING if yes else status.NOT_SERVING)

    def script(self, method: str, script: Script) -> None:
        """`script(request, context)` answers `method`: a coroutine, or a generator for streams."""
        self._scripts[method] = script

    def calls_of(self, method: str) -> list[Seen]:
        return [call for call in self.calls if call.method == method]

    def _handler(self, method: MethodDescriptor) -> grpc.RpcMethodHandler:
        async def unary(request: Any, context: Any) -> Any:
            self._note(method, request, context)
            script = self._scripts.get(method.name)
            answer = await script(request, context) if script else None
            return answer or GetMessageClass(method.output_type)()

        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
            self._note(method, request, context)
            async for answer in self._scripts[method.name](request, context):
                yield answer

        async def upload(requests: AsyncIterator[Any], context: Any) -> Any:
            return await unary([request async for request in requests], context)

        wrap: Any = grpc.unary_unary_rpc_method_handler
        answer: Any = unary
        if method.server_streaming:
            wrap, answer = grpc.unary_stream_rpc_method_handler, stream
        elif method.client_streaming:
            wrap, answer = grpc.stream_unary_rpc_method_handler, upload
        return wrap(
            answer,
            request_deserializer=GetMessageClass(method.input_type).FromString,
            response_serializer=GetMessageClass(method.output_type).SerializeToString,
        )

    def _note(self, method: MethodDescriptor, request: Any, context: Any) -> None:
        headers = dict(context.invocation_metadata())
        self.calls.append(Seen(method.name, request, headers, context.time_remaining()))


StartBackend = Callable[..., Awaitable[Backend]]


@pytest.fixture
async def start_backend() -> AsyncIterator[StartBackend]:
    async with AsyncExitStack() as stack:

        async def start(
            address: str = "127.0.0.1:0", credentials: grpc.ServerCredentials | None = None
        ) -> Backend:
            backend = Backend()
            await backend.start(address, credentials)
            stack.push_async_callback(backend.stop)
            return backend

        yield start


@pytest.fixture
async def backend(start_backend: StartBackend) -> Backend:
    return await start_backend()


@pytest.fixture
def refuse() -> Callable[..., Script]:
    """A script that refuses the call as limen does."""

    def make(
        code: grpc.StatusCode,
        reason: str = "",
        message: str = "refused",
        *,
        domain: str = "limen",
        metadata: dict[str, str] | None = None,
        details: tuple[Any, ...] = (),
        times: int | None = None,
        then: Script | None = None,
    ) -> Script:
        status = status_pb2.Status(code=code.value[0], message=message)
        if reason:
            info = error_details_pb2.ErrorInfo(reason=reason, domain=domain, metadata=metadata)
            status.details.add().Pack(info)
        for detail in details:
            status.details.add().Pack(detail)
        left = [times]

        async def script(request: Any, context: Any) -> Any:
            if left[0] is not None:
                if left[0] == 0:
                    return await then(request, context) if then else None
                left[0] -= 1
            context.set_trailing_metadata((("x-request-id", "req-1"),))
            rich = rpc_status.to_status(status)
            trailers = (*rich.trailing_metadata, ("x-request-id", "req-1"))
            return await context.abort(rich.code, rich.details, trailers)

        return script

    return make


@pytest.fixture
def unused_address() -> str:
    """An address of this machine where nobody listens."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"
