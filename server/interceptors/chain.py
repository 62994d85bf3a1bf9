"""The order in which a call meets the interceptors.

    observe         outermost, so that it sees every final status
      errors        the one place that makes a status; everything below may raise
        deadline    caps the time of all that follows, waiting for Valkey and PostgreSQL included
          network   limits by address, before a credential costs anything
          access    who is calling, and may they
          caller    limits by principal, so it needs to know who that is
          validate  last, so that strangers learn nothing from it and cost nothing

Access is asked again and again while a stream lasts.

Requests arrive here as bytes. Read by gRPC, those that are no message of their RPC would never
reach the chain, and their senders would be shown what Python says of it.

gRPC wraps handlers again for every call; the chain wraps each RPC once and remembers the result.
"""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Never, Protocol, TypeAlias, cast

import grpc
from google.protobuf.message import Message

from server import errors
from server.interceptors import decoding
from server.interceptors.call import Call, Context
from server.interceptors.deadline import Deadline
from server.interceptors.errors import Errors
from server.interceptors.lasting import while_allowed
from server.interceptors.observe import Observe
from server.interceptors.origin import REQUEST_ID
from server.interceptors.policy import Budget, Rule

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continuation: TypeAlias = (
    "Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]]"
)
Unary = Callable[[Any, Context], Awaitable[Message]]
Stream = Callable[[Any, Context], AsyncGenerator[Message, None]]
Read = Callable[[bytes], Message]

INFRASTRUCTURE = ("/grpc.health.v1.Health/", "/grpc.reflection.")
"""RPCs that operations need before anything else works; they read no data of limen."""

_UNKNOWN = Rule(
    path="unknown",
    public=True,
    permission="",
    own_field=(),
    max_proof_age=0.0,
    budget=Budget(name="unknown", network_per_minute=0, caller_per_minute=0, lease=1),
    audit_event="",
    idempotent=True,
    client_streaming=False,
    server_streaming=False,
)


class Gate(Protocol):
    """Lets a call pass or raises the reason why not."""

    async def admit(self, call: Call, request: Message | None) -> None:
        """Checks one thing about the call.

        `request` is None for streams from the client, and where it cannot be read.
        """


class Chain(grpc.aio.ServerInterceptor):
    """Wraps every handler of the server."""

    def __init__(
        self,
        *,
        rules: Mapping[str, Rule],
        observe: Observe,
        failures: Errors,
        deadline: Deadline,
        gates: Sequence[Gate],
        lasting: Gate,
    ) -> None:
        """`gates` are passed in this order; `lasting` is one that streams have to keep passing."""
        self._rules = rules
        self._observe = observe
        self._failures = failures
        self._deadline = deadline
        self._gates = tuple(gates)
        self._lasting = lasting
        self._wrapped: dict[str, Handler] = {}
        self._unknown: Handler = grpc.unary_unary_rpc_method_handler(self._refuse_unknown)

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable["grpc.RpcMethodHandler[Any, Any] | None"]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Finds the wrapped handler of an RPC; RPCs that the contract lacks get a typed refusal."""
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is not None:
            return wrapped
        handler = await continuation(handler_call_details)
        if handler is not None and method.startswith(INFRASTRUCTURE):
            return decoding.guarded(handler)
        rule = self._rules.get(method)
        if handler is None or rule is None:
            return self._unknown
        wrapped = self._wrapped[method] = self._wrap(rule, handler)
        return wrapped

    def _wrap(self, rule: Rule, handler: Handler) -> Handler:
        read = cast("Read", handler.request_deserializer)
        if rule.server_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._stream(rule, cast("Stream", handler.unary_stream), read),
                response_serializer=handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            self._unary(rule, cast("Unary", handler.unary_unary), read),
            response_serializer=handler.response_serializer,
        )

    def _unary(self, rule: Rule, serve: Unary, read: Read) -> Unary:
        async def answer(data: bytes, context: Context) -> Message:
            call = self._observe.begin(rule, context)
            request = decoding.message(read, data)
            failure: BaseException | None = None
            try:
                async with self._deadline.cap(call):
                    response = await serve(await self._admitted(call, request), context)
                context.set_trailing_metadata(
                    (*context.trailing_metadata(), (REQUEST_ID, call.origin.request_id))
                )
            except BaseException as error:  # noqa: BLE001 - whatever it is, the call must end
                failure = error
                await self._fail(call, error, request)
            else:
                return response
            finally:
                self._observe.end(call, failure)

        return answer

    def _stream(self, rule: Rule, serve: Stream, read: Read) -> Stream:
        async def answer(data: bytes, context: Context) -> AsyncGenerator[Message, None]:
            call = self._observe.begin(rule, context)
            request = decoding.message(read, data)
            failure: BaseException | None = None
            try:
                admitted = await self._admitted(call, request)
                context.set_trailing_metadata(((REQUEST_ID, call.origin.request_id),))
                async with contextlib.aclosing(
                    while_allowed(
                        serve(admitted, context), partial(self._lasting.admit, call, admitted)
                    )
                ) as responses:
                    async for response in responses:
                        yield response
            except BaseException as error:  # noqa: BLE001 - whatever it is, the call must end
                failure = error
                await self._fail(call, error, request)
            finally:
                self._observe.end(call, failure)

        return answer

    async def _admitted(self, call: Call, request: Message | None) -> Message:
        """The request of a call that every gate lets pass, if it can be read."""
        for gate in self._gates:
            await gate.admit(call, request)
        if request is None:
            raise errors.InvalidRequest(faults=[decoding.UNREADABLE])
        return request

    async def _fail(self, call: Call, error: BaseException, request: Message | None) -> Never:
        if isinstance(error, TimeoutError):
            error = self._deadline.exceeded()
        if not isinstance(error, Exception):
            raise error
        await self._failures.answer(call, error, request)

    async def _refuse_unknown(self, _request: bytes, context: Context) -> Never:
        call = self._observe.begin(_UNKNOWN, context)
        try:
            await self._failures.answer(call, errors.Unimplemented(), None)
        finally:
            self._observe.end(call, None)
