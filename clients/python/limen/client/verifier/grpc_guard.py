"""Stands before the RPCs of a gRPC server (grpc.aio)."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

import grpc
from grpc import aio

from limen.client.context import request_id
from limen.client.verifier import certificates
from limen.client.verifier.authorization import credential, current
from limen.client.verifier.errors import VerificationError
from limen.client.verifier.requirement import SIGNED_IN, Requirement
from limen.client.verifier.statuses import status_of
from limen.client.verifier.verifier import Verifier

_RequestT = TypeVar("_RequestT")
_ResponseT = TypeVar("_ResponseT")


class GrpcGuard(aio.ServerInterceptor):
    """Lets callers in whom limen knows and who meet what the RPC requires.

    The handler finds its caller in `current`. A refusal is a `google.rpc.Status` with the reason
    that limen itself would give. Tokens that are bound to a client certificate are compared with
    the one of the connection (RFC 8705, section 3).

    requirements: by path, for instance `/orders.v1.OrderService/Cancel`. None lets anybody in.
    otherwise: for every other RPC.
    clock: the time in seconds since 1970, for tests.
    """

    def __init__(
        self,
        verifier: Verifier,
        requirements: Mapping[str, Requirement | None] | None = None,
        *,
        otherwise: Requirement | None = SIGNED_IN,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._verifier = verifier
        self._requirements = dict(requirements or {})
        self._otherwise = otherwise
        self._clock = clock

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails],
            Awaitable["grpc.RpcMethodHandler[_RequestT, _ResponseT] | None"],
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[_RequestT, _ResponseT] | None":
        """Goes on to the RPC with `current` set, or to one that refuses."""
        headers = handler_call_details.invocation_metadata
        request_id.set(next((str(v) for k, v in headers if k == "x-request-id"), None))
        requirement = self._requirements.get(handler_call_details.method, self._otherwise)
        if requirement is None:
            return await continuation(handler_call_details)
        try:
            claims = await self._verifier.verify(
                credential(str(value) for key, value in headers if key == "authorization")
            )
            requirement.check(claims, self._clock())
        except VerificationError as refusal:
            return _refusing(status_of(refusal))
        current.set(claims)
        handler = await continuation(handler_call_details)
        if handler is not None and claims.certificate is not None:
            return certificates.demanding(handler, claims.certificate)
        return handler


def _refusing(status: grpc.Status) -> "grpc.RpcMethodHandler[Any, Any]":
    """A handler that answers an RPC of any kind with `status`, without reading the request."""

    async def refuse(
        _requests: AsyncIterator[bytes], context: aio.ServicerContext[bytes, bytes]
    ) -> None:
        await context.abort_with_status(status)

    return grpc.stream_stream_rpc_method_handler(refuse)
