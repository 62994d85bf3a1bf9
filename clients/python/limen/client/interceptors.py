"""The interceptors through which all calls of a channel go, one for each kind of RPC."""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

from grpc import aio

from limen.client.errors import typed_error
from limen.client.outbound import Outbound

_RequestT = TypeVar("_RequestT")
_ResponseT = TypeVar("_ResponseT")


class UnaryCalls(aio.UnaryUnaryClientInterceptor):
    """Calls with one answer. `deadline` is the time for those that bring none, in seconds."""

    def __init__(self, outbound: Outbound, deadline: float) -> None:
        self._outbound = outbound
        self._deadline = deadline

    async def intercept_unary_unary(
        self,
        continuation: Callable[
            [aio.ClientCallDetails, _RequestT],
            Awaitable[aio.UnaryUnaryCall[_RequestT, _ResponseT]],
        ],
        client_call_details: aio.ClientCallDetails,
        request: _RequestT,
    ) -> aio.UnaryUnaryCall[_RequestT, _ResponseT]:
        """Returns the finished call; raises LimenError."""

        async def attempt(
            details: aio.ClientCallDetails,
        ) -> aio.UnaryUnaryCall[_RequestT, _ResponseT]:
            call = await continuation(details, request)
            await call
            return call

        given = client_call_details.timeout
        timeout = self._deadline if given is None else given
        return await self._outbound.send(client_call_details, timeout, attempt)


class StreamedCalls(aio.UnaryStreamClientInterceptor):
    """Calls with a stream of answers. They last as long as the caller says, by default for ever."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def intercept_unary_stream(
        self,
        continuation: Callable[
            [aio.ClientCallDetails, _RequestT],
            Awaitable[aio.UnaryStreamCall[_RequestT, _ResponseT]],
        ],
        client_call_details: aio.ClientCallDetails,
        request: _RequestT,
    ) -> AsyncIterator[_ResponseT]:
        """Returns the answers once there is a first one; raises LimenError."""

        async def attempt(details: aio.ClientCallDetails) -> AsyncIterator[_ResponseT]:
            answers = aiter(await continuation(details, request))
            # Reading before the answers are handed over shows a refused token while the call
            # can still be made again.
            return _typed_answers(await anext(answers, None), answers)

        return await self._outbound.send(client_call_details, client_call_details.timeout, attempt)


class UploadedCalls(aio.StreamUnaryClientInterceptor):
    """Calls with a stream of requests and one answer. By default they last as long as it takes."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def intercept_stream_unary(
        self,
        continuation: Callable[
            [aio.ClientCallDetails, Iterable[_RequestT] | AsyncIterable[_RequestT]],
            Awaitable[aio.StreamUnaryCall[_RequestT, _ResponseT]],
        ],
        client_call_details: aio.ClientCallDetails,
        request_iterator: Iterable[_RequestT] | AsyncIterable[_RequestT],
    ) -> aio.StreamUnaryCall[_RequestT, _ResponseT]:
        """Returns the finished call; raises LimenError."""

        async def attempt(
            details: aio.ClientCallDetails,
        ) -> aio.StreamUnaryCall[_RequestT, _ResponseT]:
            call = await continuation(details, request_iterator)
            await call
            return call

        return await self._outbound.send_once(
            client_call_details, client_call_details.timeout, attempt
        )


async def _typed_answers(
    first: _ResponseT | None, rest: AsyncIterator[_ResponseT]
) -> AsyncIterator[_ResponseT]:
    if first is None:
        return
    yield first
    try:
        async for answer in rest:
            yield answer
    except aio.AioRpcError as error:
        raise typed_error(error) from error
