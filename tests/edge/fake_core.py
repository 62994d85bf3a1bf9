"""A core that does what a test tells it: real gRPC, generic handlers, types from the contract."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health

# Importing the generated modules fills the pool.
from limen.audit.v1 import audit_pb2
from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from tests.edge.rpc_errors import details_of

GENERATED = (audit_pb2, auth_pb2, users_pb2)
RELAY = "limen.relay.v1.RelayService"
DEPENDENCIES = ("", "dependency.postgresql", "dependency.valkey")


@dataclass
class Call:
    """One call that reached the core."""

    rpc: str
    metadata: dict[str, str]
    request: Message


@dataclass
class Refused:
    """An error to answer with."""

    code: grpc.StatusCode
    details: tuple[Message, ...] = ()
    trailing: tuple[tuple[str, str], ...] = ()


@dataclass
class Reaction:
    """What the core does at a call."""

    answer: Message | list[Message] | None = None
    refused: Refused | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    wait: asyncio.Event | None = None
    """Set when the answer may go out."""


@dataclass
class FakeCore(grpc.GenericRpcHandler):
    """Answers every RPC of the contract, with an empty message unless told otherwise."""

    reactions: dict[str, Reaction] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    was_called: asyncio.Event = field(default_factory=asyncio.Event)
    address: str = ""
    is_running: bool = False

    def on(self, rpc: str, answer: Any = None, **reaction: Any) -> None:
        """Sets the reaction to an RPC, by its short name."""
        self.reactions[rpc] = Reaction(answer, **reaction)

    @property
    def last(self) -> Call:
        return self.calls[-1]

    async def start(self) -> None:
        """Listens, always at the same address. The health of everything is good."""
        self._health = health.HealthServicer()
        for name in DEPENDENCIES:
            await self.set_health(name, up=True)
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._server.add_generic_rpc_handlers((self,))
        port = self._server.add_insecure_port(self.address or "127.0.0.1:0")
        self.address = f"127.0.0.1:{port}"
        await self._server.start()
        self.is_running = True

    async def stop(self) -> None:
        """Vanishes, as a process that is killed."""
        self.is_running = False
        await self._server.stop(None)

    async def set_health(self, service: str, *, up: bool) -> None:
        status = health_pb2.HealthCheckResponse
        await self._health.set(service, status.SERVING if up else status.NOT_SERVING)

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler | None:
        """Finds the handler of an RPC in the contract."""
        service, _, rpc = handler_call_details.method.lstrip("/").partition("/")
        # As an older core, it knows nothing of bundles.
        if not service.startswith("limen.") or service == RELAY:
            return None
        method = descriptor_pool.Default().FindServiceByName(service).methods_by_name[rpc]
        request = message_factory.GetMessageClass(method.input_type)
        response = message_factory.GetMessageClass(method.output_type)
        make, behaviour = (
            (grpc.unary_stream_rpc_method_handler, self._stream(rpc))
            if method.server_streaming
            else (grpc.unary_unary_rpc_method_handler, self._answer(rpc, response))
        )
        return make(behaviour, request.FromString, response.SerializeToString)

    def _answer(self, rpc: str, response: type[Message]) -> Callable[..., Any]:
        async def behaviour(request: Message, context: Any) -> Message:
            reaction = await self._take(rpc, request, context)
            return response() if reaction.answer is None else reaction.answer

        return behaviour

    def _stream(self, rpc: str) -> Callable[..., Any]:
        async def behaviour(request: Message, context: Any) -> Any:
            reaction = await self._take(rpc, request, context)
            for message in reaction.answer or []:
                yield message
            if reaction.wait is not None:
                await reaction.wait.wait()

        return behaviour

    async def _take(self, rpc: str, request: Message, context: Any) -> Reaction:
        metadata = dict(context.invocation_metadata())
        self.calls.append(Call(rpc, metadata, request))
        self.was_called.set()
        reaction = self.reactions.get(rpc, Reaction())
        if reaction.metadata:
            context.set_trailing_metadata(reaction.metadata)
        if reaction.wait is not None and not isinstance(reaction.answer, list):
            await reaction.wait.wait()
        if reaction.refused is not None:
            refused = reaction.refused
            trailing = (*refused.trailing, *details_of(refused.code, *refused.details))
            await context.abort(refused.code, "for programmers", trailing)
        return reaction
