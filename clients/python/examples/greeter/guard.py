"""Lets a call in if limen knows its caller.

The guard asks limen about every token, so a session that was ended is shut out at once. It fails
closed: when limen cannot be asked, nobody is let in, and callers are told when to come back.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode, aio
from grpc_status import rpc_status

from limen.auth.v1.auth_pb2 import IntrospectTokenRequest
from limen.client import InvalidRequest, Limen, LimenError, Unauthenticated, request_id

_RequestT = TypeVar("_RequestT")
_ResponseT = TypeVar("_ResponseT")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling."""

    user_id: str
    scopes: frozenset[str]


principal: ContextVar[Principal] = ContextVar("greeter_principal")
"""The caller of the RPC being served. Set wherever the guard has let a call in."""


class _RefusedError(Exception):
    """The call is not let in. `status` is the answer to it."""

    def __init__(self, code: StatusCode, message: str, *details: Message) -> None:
        super().__init__(message)
        rich = status_pb2.Status(code=code.value[0], message=message)
        for detail in details:
            rich.details.add().Pack(detail)
        self.status: grpc.Status = rpc_status.to_status(rich)


class Guard(aio.ServerInterceptor):
    """Stands before every RPC of the server."""

    def __init__(self, limen: Limen) -> None:
        self._limen = limen

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails],
            Awaitable["grpc.RpcMethodHandler[_RequestT, _ResponseT] | None"],
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[_RequestT, _ResponseT] | None":
        """Calls the RPC with `principal` set, or refuses the call."""
        headers = handler_call_details.invocation_metadata
        request_id.set(_only(headers, "x-request-id"))
        try:
            principal.set(await self._identify(_token(headers)))
        except _RefusedError as refusal:
            return _refusing(refusal.status)
        return await continuation(handler_call_details)

    async def _identify(self, token: str) -> Principal:
        try:
            # Callers may ask about their own tokens, so the token speaks for itself, and the
            # greeter needs no credential of its own.
            answer = await self._limen.auth.IntrospectToken(
                IntrospectTokenRequest(token=token),
                metadata=(("authorization", f"Bearer {token}"),),
            )
        except (Unauthenticated, InvalidRequest) as fault:
            raise _stranger() from fault
        except LimenError as fault:
            raise _away(fault.retry_after) from fault
        if not answer.active or not answer.sub:
            raise _stranger()
        return Principal(answer.sub, frozenset(answer.scope.split()))


def _token(headers: Iterable[tuple[str, str | bytes]]) -> str:
    scheme, _, token = (_only(headers, "authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _RefusedError(StatusCode.UNAUTHENTICATED, "Send authorization: Bearer <token>.")
    return token


def _only(headers: Iterable[tuple[str, str | bytes]], name: str) -> str | None:
    """The value of a header that came once. Of several nobody can say which one counts."""
    values = [value for key, value in headers if key == name]
    return values[0] if len(values) == 1 and isinstance(values[0], str) else None


def _stranger() -> _RefusedError:
    return _RefusedError(StatusCode.UNAUTHENTICATED, "The token is not, or no longer, valid.")


def _away(retry_after: float | None) -> _RefusedError:
    seconds, fraction = divmod(1.0 if retry_after is None else retry_after, 1)
    delay = Duration(seconds=int(seconds), nanos=int(fraction * 1e9))
    return _RefusedError(
        StatusCode.UNAVAILABLE,
        "Callers cannot be identified at the moment.",
        error_details_pb2.RetryInfo(retry_delay=delay),
    )


def _refusing(status: grpc.Status) -> "grpc.RpcMethodHandler[Any, Any]":
    """A handler that answers an RPC of any kind with `status`, without reading the request."""

    async def refuse(
        _requests: AsyncIterator[bytes], context: aio.ServicerContext[bytes, bytes]
    ) -> None:
        await context.abort_with_status(status)

    return grpc.stream_stream_rpc_method_handler(refuse)
