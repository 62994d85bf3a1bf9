"""A stream of bundled calls to a core, as an edge opens it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import grpc
from google.protobuf.message import Message

from limen.relay.v1 import relay_pb2, relay_pb2_grpc
from tests.server.running_core import EDGE_SECRET, Refusal, refusal

PROOF = (("limen-edge-secret", EDGE_SECRET),)
MOST = 4 * 1024 * 1024


@dataclass
class Answered:
    """How a bundled call ended."""

    code: int
    message: str
    response: bytes
    trailing: dict[str, str | bytes]

    @property
    def refusal(self) -> Refusal:
        code = next(code for code in grpc.StatusCode if code.value[0] == self.code)
        trailing = grpc.aio.Metadata(*self.trailing.items())
        return refusal(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, self.message))


class Bundles:
    """Sends bundles, and keeps the answers until they are asked for."""

    def __init__(self, rpc: Any) -> None:
        self.rpc = rpc
        self.opening: relay_pb2.Opening | None = None
        self.closing = asyncio.Event()
        self._ids = count(1)
        self._answers: dict[int, asyncio.Future[Answered]] = {}
        self.ended = asyncio.create_task(self._read())

    async def send(self, *calls: relay_pb2.Call, cancelled=(), **fields) -> None:
        bundle = relay_pb2.RelayRequest(calls=calls, cancelled_ids=cancelled, **fields)
        await self.rpc.write(bundle)

    def call(self, method: str, request: Message | bytes, metadata=(), **fields) -> relay_pb2.Call:
        """A call that can be sent; of UserService, if only the RPC is named."""
        return relay_pb2.Call(
            id=fields.pop("id", None) or next(self._ids),
            method=method if "/" in method else f"/limen.users.v1.UserService/{method}",
            request=request if isinstance(request, bytes) else request.SerializeToString(),
            metadata=[
                relay_pb2.Metadatum(key=key, value=value.encode()) for key, value in metadata
            ],
            **fields,
        )

    async def answer(self, call: relay_pb2.Call) -> Answered:
        """How a call ended, once it has."""
        return await asyncio.wait_for(self._future(call.id), 20)

    def is_answered(self, call: relay_pb2.Call) -> bool:
        return self._future(call.id).done()

    async def ask(self, method: str, request: Message | bytes, metadata=(), **fields) -> Answered:
        """Makes one call and waits for its end."""
        call = self.call(method, request, metadata, **fields)
        await self.send(call)
        return await self.answer(call)

    def _future(self, call_id: int) -> asyncio.Future[Answered]:
        if call_id not in self._answers:
            self._answers[call_id] = asyncio.get_running_loop().create_future()
        return self._answers[call_id]

    async def _read(self) -> None:
        """Until the stream ends; raises what it ended with."""
        while (response := await self.rpc.read()) is not grpc.aio.EOF:
            if response.HasField("opening"):
                self.opening = response.opening
            for answer in response.answers:
                trailing = {
                    each.key: each.value if each.key.endswith("-bin") else each.value.decode()
                    for each in answer.trailing_metadata
                }
                self._future(answer.id).set_result(
                    Answered(answer.code, answer.message, answer.response, trailing)
                )
            if response.closing:
                self.closing.set()


@asynccontextmanager
async def bundles(core, proof=PROOF, max_bytes=MOST) -> AsyncIterator[Bundles]:
    """An open stream to a core."""
    rpc = relay_pb2_grpc.RelayServiceStub(core.channel).Relay(metadata=proof)
    stream = Bundles(rpc)
    await rpc.write(relay_pb2.RelayRequest(opening=relay_pb2.Opening(max_bytes=max_bytes)))
    try:
        yield stream
    finally:
        rpc.cancel()
        await asyncio.gather(stream.ended, return_exceptions=True)
