"""A gRPC server that does as a test tells it.

It uses `google.protobuf`, which shares no code with what the transcoder uses.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass


@dataclass
class Received:
    """One call that reached the server."""

    rpc: str
    request: Any
    metadata: Mapping[str, str | bytes]
    seconds_left: float | None


Behavior = Callable[[Any, Any], Any]


class Core(grpc.GenericRpcHandler):
    """The gRPC server. An RPC answers with an empty response until a test says otherwise."""

    def __init__(self, contract: bytes) -> None:
        self.pool = DescriptorPool()
        for file in FileDescriptorSet.FromString(contract).file:
            self.pool.Add(file)
        self.calls: list[Received] = []
        self.behaviors: dict[str, Behavior] = {}

    def new(self, name: str, **values: Any) -> Any:
        return GetMessageClass(self.pool.FindMessageTypeByName(name))(**values)

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        service, _, name = details.method.removeprefix("/").partition("/")
        rpc = self.pool.FindServiceByName(service).methods_by_name[name]
        response = GetMessageClass(rpc.output_type)

        def note(request: Any, context: Any) -> None:
            metadata = dict(context.invocation_metadata())
            self.calls.append(Received(name, request, metadata, context.time_remaining()))

        async def unary(request: Any, context: Any) -> Any:
            note(request, context)
            behavior = self.behaviors.get(name)
            return await behavior(request, context) if behavior else response()

        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
            note(request, context)
            async for each in self.behaviors[name](request, context):
                yield each

        make = grpc.unary_unary_rpc_method_handler
        behave: Any = unary
        if rpc.server_streaming:
            make, behave = cast("Any", grpc.unary_stream_rpc_method_handler), stream
        return make(
            behave,
            request_deserializer=GetMessageClass(rpc.input_type).FromString,
            response_serializer=lambda each: (
                each.SerializeToString() if isinstance(each, Message) else each
            ),
        )

    def on(self, rpc: str, behavior: Behavior) -> None:
        self.behaviors[rpc] = behavior

    def answers(self, rpc: str, response: Any) -> None:
        async def behavior(_request: Any, _context: Any) -> Any:
            return response

        self.on(rpc, behavior)

    def fails(self, rpc: str, code: grpc.StatusCode, details: str = "") -> None:
        async def behavior(_request: Any, context: Any) -> Any:
            await context.abort(code, details)

        self.on(rpc, behavior)

    @property
    def request(self) -> Any:
        """The one request that reached the server."""
        (call,) = self.calls
        return call.request
