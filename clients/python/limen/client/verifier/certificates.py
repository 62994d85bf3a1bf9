"""Tokens that are bound to a client certificate (RFC 8705, section 3)."""

import base64
import hashlib
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

import grpc
from grpc import aio

from limen.client.verifier.errors import CredentialInvalid
from limen.client.verifier.statuses import status_of

_PEER = "x509_pem_cert"

_Behaviour = Callable[[Any, "aio.ServicerContext[Any, Any]"], Any]


def thumbprint(der: bytes) -> str:
    """The SHA-256 thumbprint of a certificate in DER, base64url (RFC 8705, section 3.1)."""
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


def thumbprint_of_pem(pem: str) -> str:
    """The thumbprint of a certificate in PEM. Raises ValueError for anything else."""
    return thumbprint(ssl.PEM_cert_to_DER_cert(pem))


def check(bound_to: str | None, presented: str | None) -> None:
    """Lets a token pass that is bound to nothing, or to the certificate that was presented.

    Both are thumbprints. Raises `CredentialInvalid`.
    """
    if bound_to is not None and bound_to != presented:
        raise CredentialInvalid("not with this client certificate")


def demanding(
    handler: "grpc.RpcMethodHandler[Any, Any]", bound_to: str
) -> "grpc.RpcMethodHandler[Any, Any]":
    """The handler, behind a look at the client certificate of the connection."""
    answer, make = _KINDS[bool(handler.request_streaming), bool(handler.response_streaming)]
    behaviour = getattr(handler, answer)
    guarded = _stream if handler.response_streaming else _one
    return make(
        guarded(behaviour, bound_to),
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )


def _one(behaviour: _Behaviour, bound_to: str) -> _Behaviour:
    async def answer(request: Any, context: "aio.ServicerContext[Any, Any]") -> Any:
        await _refuse_others(context, bound_to)
        return await behaviour(request, context)

    return answer


def _stream(behaviour: _Behaviour, bound_to: str) -> _Behaviour:
    async def answers(request: Any, context: "aio.ServicerContext[Any, Any]") -> AsyncIterator[Any]:
        await _refuse_others(context, bound_to)
        outcome = behaviour(request, context)
        if not hasattr(outcome, "__aiter__"):
            # A handler that writes with `context.write`.
            await outcome
            return
        async for message in outcome:
            yield message

    return answers


async def _refuse_others(context: "aio.ServicerContext[Any, Any]", bound_to: str) -> None:
    try:
        check(bound_to, _presented(context.auth_context()))
    except CredentialInvalid as refusal:
        await context.abort_with_status(status_of(refusal))


def _presented(connection: Mapping[str, Iterable[bytes]]) -> str | None:
    certificates = list(connection.get(_PEER, ()))
    if len(certificates) != 1:
        return None
    return thumbprint_of_pem(certificates[0].decode("ascii"))


_KINDS: Mapping[tuple[bool, bool], tuple[str, Callable[..., "grpc.RpcMethodHandler[Any, Any]"]]] = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}
