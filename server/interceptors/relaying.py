"""The calls of one stream of the edge: each begins when it comes and meets the chain by itself."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import structlog

from limen.relay.v1 import relay_pb2
from server import errors
from server.interceptors.answers import Answers
from server.interceptors.bundled import BundledCallAborted, BundledContext, Metadata
from server.interceptors.call import Context
from server.interceptors.chain import Chain
from server.interceptors.origin import EDGE_SECRET
from server.jobs.supervision import cancel

_RETRY_SECONDS = 1.0

_log = structlog.get_logger(__name__)

Requests = AsyncIterator[relay_pb2.RelayRequest]


class Places:
    """How many bundled calls may be in flight at once, on all streams together."""

    def __init__(self, limit: int) -> None:
        self._free = limit

    def take(self) -> bool:
        """Takes a place, if there is one."""
        if self._free <= 0:
            return False
        self._free -= 1
        return True

    def give_back(self) -> None:
        """Makes room for another call."""
        self._free += 1


class Relaying:
    """The calls of one stream, from their arrival to their answer."""

    def __init__(self, *, chain: Chain, places: Places, answers: Answers, context: Context) -> None:
        self._chain = chain
        self._places = places
        self._answers = answers
        self._context = context
        self._proof: Metadata = tuple(
            pair for pair in context.invocation_metadata() if pair[0] == EDGE_SECRET
        )
        self._running: dict[int, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        """Cancelled, and not yet done with that."""
        self._no_more = False

    async def read(self, requests: Requests) -> None:
        """Begins calls as they come, until the edge says that there are no more.

        Raises `errors.InvalidRequest` for an id that is in use.
        """
        try:
            async for bundle in requests:
                await self._take(bundle)
        except BaseException:
            self._answers.complete()
            raise
        self._no_more = True
        self._complete_if_answered()

    async def give_up(self) -> None:
        """Cancels every call that is in flight, and returns when all have ended."""
        for call_id in tuple(self._running):
            self._cancel(call_id)
        await cancel(self._leaving)

    async def _take(self, bundle: relay_pb2.RelayRequest) -> None:
        if bundle.HasField("opening"):
            self._answers.limit(bundle.opening.max_bytes)
        for call in bundle.calls:
            await self._begin(call)
        for call_id in bundle.cancelled_ids:
            self._cancel(call_id)
        # What is not read here, gRPC holds back at the edge.
        await self._answers.room()

    async def _begin(self, call: relay_pb2.Call) -> None:
        if call.id in self._running:
            fault = errors.Fault("calls.id", "relay.id_in_use", text="is the id of another call")
            raise errors.InvalidRequest(faults=[fault])
        context = BundledContext(call, stream=self._context, proof=self._proof)
        if self._places.take():
            self._running[call.id] = asyncio.create_task(self._serve(call, context))
        else:
            await self._refuse(context)

    async def _serve(self, call: relay_pb2.Call, context: BundledContext) -> None:
        try:
            answer = context.answer(await self._chain.unary(call.method)(call.request, context))
        except BundledCallAborted:
            answer = context.answer()
        except asyncio.CancelledError:
            answer = context.failed(grpc.StatusCode.CANCELLED, "the call was cancelled")
        except Exception:  # noqa: BLE001 - beyond the chain, whoever waits must be told
            _log.exception("relay.call_failed", rpc=call.method)
            answer = context.failed(grpc.StatusCode.INTERNAL, "the call failed")
        # Nobody waits for an answer to a call that was given up.
        if self._running.get(call.id) is asyncio.current_task():
            self._forget(call.id)
            self._send(context, answer)
            self._complete_if_answered()

    async def _refuse(self, context: BundledContext) -> None:
        try:
            await self._chain.refuse(errors.Overloaded(retry_after=_RETRY_SECONDS), context)
        except BundledCallAborted:
            self._send(context, context.answer())

    def _send(self, context: BundledContext, answer: relay_pb2.Answer) -> None:
        if not self._answers.fits(answer):
            code = grpc.StatusCode.RESOURCE_EXHAUSTED
            answer = context.failed(code, "the answer is larger than a message may be")
        self._answers.put(answer)

    def _cancel(self, call_id: int) -> None:
        task = self._running.get(call_id)
        if task is None:
            return
        self._forget(call_id)
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        task.cancel()

    def _forget(self, call_id: int) -> None:
        del self._running[call_id]
        self._places.give_back()

    def _complete_if_answered(self) -> None:
        if self._no_more and not self._running:
            self._answers.complete()
