"""IntrospectToken through the whole chain of the core, beside a bare grpc.aio server."""

import grpc

from bench.beside_echo import Question, compare
from bench.figures import Figure, at_least
from bench.installation import INTROSPECT, Installation, bearer, sign_in
from bench.jobs import UnsoundError
from bench.rounds import Effort
from limen.auth.v1 import auth_pb2, auth_pb2_grpc


async def measure(limen: Installation, effort: Effort) -> list[Figure]:
    """Calls a second, of both: somebody who may asks about the token of somebody else."""
    service, _ = await sign_in(limen.core, limen.administrator)
    request = auth_pb2.IntrospectTokenRequest(token=limen.token)
    question = Question(
        rpc=INTROSPECT,
        headers=dict(bearer(service)),
        request=request.SerializeToString(),
        answer=await _answer(limen.core, service, request),
    )
    return [
        await compare(
            limen,
            effort,
            question,
            what="IntrospectToken through the whole chain, one core process",
            target=at_least(0.6),
        )
    ]


async def _answer(core: str, service: str, request: auth_pb2.IntrospectTokenRequest) -> bytes:
    async with grpc.aio.insecure_channel(core) as channel:
        told = await auth_pb2_grpc.AuthServiceStub(channel).IntrospectToken(
            request, metadata=bearer(service)
        )
    if not told.active:
        raise UnsoundError("the token to ask about is not active")
    return told.SerializeToString()
