"""Reading requests, which may be any bytes.

gRPC answers what it cannot read with UNKNOWN, as if the server were at fault, and with the text of
the exception.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Never, TypeAlias, TypeVar

import grpc
from google.protobuf.message import DecodeError

from server import errors

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

UNREADABLE = errors.Fault("", "message.unreadable")

_Message = TypeVar("_Message")


def message(read: Callable[[bytes], _Message], data: bytes) -> _Message | None:
    """The message that `data` holds; None if it holds none."""
    try:
        return read(data)
    except DecodeError:
        return None


def guarded(handler: "grpc.RpcMethodHandler[Any, Any]") -> "grpc.RpcMethodHandler[Any, Any]":
    """A handler outside of the contract that refuses what it cannot read as INVALID_ARGUMENT."""
    if handler.unary_unary:
        return grpc.unary_unary_rpc_method_handler(
            _unary(handler), response_serializer=handler.response_serializer
        )
    if handler.unary_stream:
        return grpc.unary_stream_rpc_method_handler(
            _unary_stream(handler), response_serializer=handler.response_serializer
        )
    return grpc.stream_stream_rpc_method_handler(
        _stream_stream(handler), response_serializer=handler.response_serializer
    )


def _unary(handler: Any) -> Any:
    async def answer(data: bytes, context: Context) -> Any:
        return await handler.unary_unary(await _read(handler, data, context), context)

    return answer


def _unary_stream(handler: Any) -> Any:
    async def answer(data: bytes, context: Context) -> None:
        request = await _read(handler, data, context)
        await _responded(handler.unary_stream(request, context), context)

    return answer


def _stream_stream(handler: Any) -> Any:
    async def answer(parts: AsyncIterator[bytes], context: Context) -> None:
        requests = (await _read(handler, data, context) async for data in parts)
        await _responded(handler.stream_stream(requests, context), context)

    return answer


async def _responded(responses: AsyncIterator[Any] | Awaitable[None], context: Context) -> None:
    """Sends responses; a handler that awaits something instead sends its own."""
    if isinstance(responses, Awaitable):
        await responses
        return
    async for response in responses:
        await context.write(response)


async def _read(handler: Any, data: bytes, context: Context) -> Any:
    request = message(handler.request_deserializer, data)
    return await _refuse(context) if request is None else request


async def _refuse(context: Context) -> Never:
    await context.abort(
        grpc.StatusCode.INVALID_ARGUMENT, "the request is not a message of this RPC"
    )
