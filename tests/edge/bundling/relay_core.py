"""A core that takes bundles and does with them what a test says: real gRPC, no limen behind it."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from limen.relay.v1 import relay_pb2

RELAY = "/limen.relay.v1.RelayService/Relay"


@dataclass(eq=False)
class RelayStream:
    """One stream that an edge has opened."""

    context: Any
    metadata: dict[str, str]
    bundles: list[relay_pb2.RelayRequest] = field(default_factory=list)
    calls: list[relay_pb2.Call] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    half_closed: bool = False
    ended: bool = False
    finish: asyncio.Event = field(default_factory=asyncio.Event)
    broken: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, **fields: Any) -> None:
        await self.context.write(relay_pb2.RelayResponse(**fields).SerializeToString())

    async def answer(self, *calls: relay_pb2.Call) -> None:
        """Answers calls with what they said."""
        await self.send(answers=[answer_to(call) for call in calls])


@dataclass
class RelayCore(grpc.GenericRpcHandler):
    """Answers bundled calls with `bundled:` and the request, others with `plain:` and it."""

    accepts: bool = True
    opens: bool = True
    holds: bool = False
    """Whether calls wait until the test answers them."""
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether bundles are read."""
    max_bytes: int = 100_000
    streams: list[RelayStream] = field(default_factory=list)
    refused: int = 0
    plain: list[str] = field(default_factory=list)
    address: str = "127.0.0.1:0"

    async def start(self) -> None:
        self.reads.set()
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((self,))
        port = self._server.add_insecure_port(self.address)
        self.address = f"127.0.0.1:{port}"
        await self._server.start()

    async def stop(self) -> None:
        """Vanishes, as a process that is killed."""
        await self._server.stop(None)

    @property
    def open(self) -> list[RelayStream]:
        return [stream for stream in self.streams if not stream.ended]

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method
        if method != RELAY:
            return grpc.unary_unary_rpc_method_handler(self._plain(method))
        if not self.accepts:
            self.refused += 1
            return None
        return grpc.stream_stream_rpc_method_handler(self._relay)

    def _plain(self, method: str) -> Any:
        async def answer(request: bytes, _context: Any) -> bytes:
            self.plain.append(method)
            return b"plain:" + request

        return answer

    async def _relay(self, requests: Any, context: Any) -> None:
        stream = RelayStream(context, dict(context.invocation_metadata()))
        self.streams.append(stream)
        if self.opens:
            await stream.send(opening=relay_pb2.Opening(max_bytes=self.max_bytes))
        try:
            serving = asyncio.create_task(self._serve(stream, requests))
            breaking = asyncio.create_task(stream.broken.wait())
            await asyncio.wait((serving, breaking), return_when=asyncio.FIRST_COMPLETED)
            if stream.broken.is_set():
                await context.abort(grpc.StatusCode.INTERNAL, "broke")
        finally:
            serving.cancel()
            breaking.cancel()
            stream.ended = True

    async def _serve(self, stream: RelayStream, requests: Any) -> None:
        await self._read(stream, requests)
        if self.holds:
            await stream.finish.wait()

    async def _read(self, stream: RelayStream, requests: Any) -> None:
        await self.reads.wait()
        async for data in requests:
            bundle = relay_pb2.RelayRequest.FromString(data)
            stream.bundles.append(bundle)
            stream.calls.extend(bundle.calls)
            stream.cancelled.extend(bundle.cancelled_ids)
            if not self.holds and bundle.calls:
                await stream.answer(*bundle.calls)
            await self.reads.wait()
        stream.half_closed = True


def answer_to(call: relay_pb2.Call, **fields: Any) -> relay_pb2.Answer:
    """An answer that repeats the call, or says something else."""
    fields.setdefault("response", b"bundled:" + call.request)
    seen = relay_pb2.Metadatum(key="x-seen", value=call.method.encode())
    return relay_pb2.Answer(id=call.id, trailing_metadata=[seen], **fields)
