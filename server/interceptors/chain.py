"""The order in which a call meets the interceptors.

    observe         outermost, so that it sees every final status
      errors        the one place that makes a status; everything below may raise
        deadline    caps the time of all that follows, waiting for Valkey and PostgreSQL included
          network   limits by address, before a credential costs anything
          access    who is calling, and may they
          caller    limits by principal, so it needs to know who that is
          validate  last, so that strangers learn nothing from it and cost nothing

Access is asked again and again while a stream lasts: before each response, and for each request of
a stream from the client. Those requests are validated one by one, as they arrive.

Requests arrive here as bytes, and answers leave as bytes. Read by gRPC, those that are no message
of their RPC would never reach the chain, and their senders would be shown what Python says of it.

gRPC would walk through interceptors for every call; the chain wraps each RPC once, and is then the
one place where gRPC looks for handlers.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Never, Protocol, TypeAlias, cast

import grpc
from google.protobuf.message import Message

from server import errors
from server.interceptors import decoding
from server.interceptors.call import Call, Context
from server.interceptors.deadline import Deadline
from server.interceptors.errors import Errors
from server.interceptors.handlers import Handler
from server.interceptors.lasting import while_allowed
from server.interceptors.observe import Observe
from server.interceptors.origin import REQUEST_ID
from server.interceptors.policy import UNCOUNTED, Assurance, Rule

Read = Callable[[bytes], Message]
Write = Callable[[Message], bytes]
Requests = AsyncIterator[bytes]
TwoWay: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Unary = Callable[[bytes, Context], Awaitable[bytes]]
Stream = Callable[[Any, Context], AsyncGenerator[bytes, None]]

INFRASTRUCTURE = ("/grpc.health.v1.Health/", "/grpc.reflection.")
"""RPCs that operations need before anything else works; they read no data of limen."""

_PARTING_SECONDS = 0.01

_UNKNOWN = Rule(
    path="unknown",
    public=True,
    edge=False,
    permission="",
    own_field=(),
    max_proof_age=0.0,
    assurance=Assurance.ANY,
    open_to_api_keys=False,
    budget=UNCOUNTED,
    audit_event="",
    idempotent=True,
    client_streaming=False,
    server_streaming=False,
)


class Gate(Protocol):
    """Lets a call pass or raises the reason why not."""

    async def admit(self, call: Call, request: Message | None) -> None:
        """Checks one thing about the call.

        `request` is None before the first of a stream from the client, and where it cannot be read.
        """


class Chain(grpc.GenericRpcHandler):
    """Stands before every handler of the server."""

    def __init__(
        self,
        *,
        rules: Mapping[str, Rule],
        observe: Observe,
        failures: Errors,
        deadline: Deadline,
        gates: Sequence[Gate],
        lasting: Gate,
        arriving: Gate,
        between: Gate,
    ) -> None:
        """`gates` are passed in this order; `lasting` is one that streams have to keep passing,
        `arriving` one that each request of a stream passes by itself. What is for the edge passes
        `between` instead of all others: the calls that it brings pass them one by one.
        """
        self._rules = rules
        self._observe = observe
        self._failures = failures
        self._deadline = deadline
        self._gates = tuple(gates)
        self._lasting = lasting
        self._arriving = arriving
        self._between = between
        self._wrapped: dict[str, Handler] = {}
        self._unary_rpcs: dict[str, Unary] = {}
        self._unknown: Handler = grpc.unary_unary_rpc_method_handler(self._refuse_unknown)

    def wrap(self, handlers: Mapping[str, Handler]) -> None:
        """Takes the handlers that calls are for, by gRPC path.

        Those of RPCs that have no rule are left out, and so refused.
        """
        for path, handler in handlers.items():
            rule = self._rules.get(path)
            if path.startswith(INFRASTRUCTURE):
                self._wrapped[path] = decoding.guarded(handler)
            elif rule is not None:
                self._wrapped[path] = self._wrap(rule, handler)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler:
        """The wrapped handler of an RPC; RPCs that the contract lacks get a typed refusal."""
        return self._wrapped.get(handler_call_details.method, self._unknown)

    def unary(self, path: str) -> Unary:
        """What answers a unary RPC of the contract; a typed refusal for anything else."""
        return self._unary_rpcs.get(path, self._refuse_unknown)

    async def refuse(self, error: errors.LimenError, context: Context) -> Never:
        """Ends a call that gets no further than this."""
        call = self._observe.begin(_UNKNOWN, context)
        try:
            await self._failures.answer(call, error, None)
        finally:
            self._observe.end(call, None)

    def _wrap(self, rule: Rule, handler: Handler) -> Handler:
        if rule.edge:
            return grpc.stream_stream_rpc_method_handler(self._both_ways(rule, handler))
        if rule.client_streaming:
            return grpc.stream_unary_rpc_method_handler(self._collecting(rule, handler))
        if rule.server_streaming:
            return grpc.unary_stream_rpc_method_handler(self._streaming(rule, handler))
        unary = self._unary_rpcs[rule.path] = self._answering(rule, handler)
        return grpc.unary_unary_rpc_method_handler(unary)

    def _answering(self, rule: Rule, handler: Handler) -> Unary:
        serve, (read, write) = cast("Any", handler.unary_unary), _codec(handler)

        async def answer(data: bytes, context: Context) -> bytes:
            call = self._observe.begin(rule, context)
            request = decoding.message(read, data)
            failure: BaseException | None = None
            try:
                with self._deadline.cap(call):
                    response = await serve(await self._admitted(call, request), context)
                _sign(call)
                return write(response)
            except BaseException as error:  # noqa: BLE001 - whatever it is, the call must end
                failure = error
                await self._fail(call, error, request)
            finally:
                self._observe.end(call, failure)

        return answer

    def _streaming(self, rule: Rule, handler: Handler) -> Stream:
        serve, (read, write) = cast("Any", handler.unary_stream), _codec(handler)

        async def answer(data: bytes, context: Context) -> AsyncGenerator[bytes, None]:
            call = self._observe.begin(rule, context)
            request = decoding.message(read, data)
            async with self._ending(call, request):
                admitted = await self._admitted(call, request)
                _sign(call)
                allowed = partial(self._lasting.admit, call, admitted)
                responses = while_allowed(serve(admitted, context), allowed)
                async with contextlib.aclosing(responses):
                    async for response in responses:
                        yield write(response)

        return answer

    def _collecting(self, rule: Rule, handler: Handler) -> Callable[..., Awaitable[bytes]]:
        serve, (read, write) = cast("Any", handler.stream_unary), _codec(handler)

        async def answer(parts: Requests, context: Context) -> bytes:
            call = self._observe.begin(rule, context)
            async with self._ending(call):
                await self._pass(call, None)
                response = await serve(self._requests(call, read, parts), context)
                _sign(call)
                return write(response)

        return answer

    def _both_ways(self, rule: Rule, handler: Handler) -> Callable[..., Awaitable[None]]:
        serve, (read, write) = cast("Any", handler.stream_stream), _codec(handler)

        async def answer(parts: Requests, context: TwoWay) -> None:
            call = self._observe.begin(rule, context)
            async with self._ending(call):
                await self._between.admit(call, None)
                _sign(call)
                requests = (_readable(decoding.message(read, data)) async for data in parts)
                async with contextlib.aclosing(serve(requests, context)) as responses:
                    async for response in responses:
                        await context.write(write(response))

        return answer

    async def _requests(self, call: Call, read: Read, parts: Requests) -> AsyncIterator[Message]:
        """The requests of a stream from the client: each one readable, allowed and valid."""
        async for data in parts:
            request = _readable(decoding.message(read, data))
            await self._lasting.admit(call, None)
            await self._arriving.admit(call, request)
            yield request
        # To gRPC a caller who leaves looks like one who has finished, and is cancelled right after.
        await asyncio.sleep(_PARTING_SECONDS)

    async def _pass(self, call: Call, request: Message | None) -> None:
        for gate in self._gates:
            await gate.admit(call, request)

    async def _admitted(self, call: Call, request: Message | None) -> Message:
        """The request of a call that every gate lets pass, if it can be read."""
        await self._pass(call, request)
        return _readable(request)

    @contextlib.asynccontextmanager
    async def _ending(self, call: Call, request: Message | None = None) -> AsyncIterator[None]:
        """Around a stream: sees it end, and makes a status of what it raises."""
        failure: BaseException | None = None
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - whatever it is, the call must end
            failure = error
            await self._fail(call, error, request)
        finally:
            self._observe.end(call, failure)

    async def _fail(self, call: Call, error: BaseException, request: Message | None) -> Never:
        if isinstance(error, TimeoutError):
            error = self._deadline.exceeded()
        if not isinstance(error, Exception):
            raise error
        await self._failures.answer(call, error, request)

    async def _refuse_unknown(self, _request: bytes, context: Context) -> Never:
        await self.refuse(errors.Unimplemented(), context)


def _codec(handler: Handler) -> tuple[Read, Write]:
    return cast("Read", handler.request_deserializer), cast("Write", handler.response_serializer)


def _readable(request: Message | None) -> Message:
    if request is None:
        raise errors.InvalidRequest(faults=[decoding.UNREADABLE])
    return request


def _sign(call: Call) -> None:
    """Adds the request id to what the answer ends with."""
    context = call.context
    context.set_trailing_metadata(
        (*context.trailing_metadata(), (REQUEST_ID, call.origin.request_id))
    )
