"""GetUser `me` through the whole chain of the core, beside a bare grpc.aio server."""

from functools import partial

import grpc

from bench.baselines import echo
from bench.figures import Figure, at_least, ratio
from bench.installation import GET_USER, Installation, bearer
from bench.jobs import UnsoundError
from bench.load import Target, calibrate, throughput, witnessed
from bench.processes import Child, free_ports, listens
from bench.rounds import Effort, in_turns
from limen.users.v1 import users_pb2

_CONNECTIONS = 8
_STREAMS = 8
_ECHO = f"/{echo.SERVICE}/{echo.METHOD}"


async def measure(limen: Installation, effort: Effort) -> list[Figure]:
    """Calls a second, of both."""
    (port,) = free_ports(1)
    bare = f"127.0.0.1:{port}"
    server = Child("bench.baselines.echo", str(port), folder=limen.folder)
    async with server.running(listens(port)):
        await _verify_echo(bare, limen.me)
        # The same number of bytes comes back from both.
        echoing = _calling(bare, _ECHO, limen.me)
        asking = _who_am_i(limen)
        reached = await in_turns(
            {
                "bare": partial(throughput, echoing, await calibrate(echoing, effort.throughput)),
                "core": partial(
                    witnessed,
                    limen.witness(GET_USER),
                    asking,
                    await calibrate(asking, effort.throughput),
                ),
            },
            effort.rounds,
        )
        await _verify_echo(bare, limen.me)
    return [
        ratio(
            "GetUser `me` through the whole chain, one core process",
            limen=reached["core"],
            baseline=reached["bare"],
            beside="bare grpc.aio echo",
            unit="calls/s",
            target=at_least(0.6),
            aim=at_least(0.8),
        )
    ]


def _calling(address: str, path: str, message: bytes) -> Target:
    return Target(
        url=f"http://{address}{path}",
        message=message,
        connections=_CONNECTIONS,
        streams=_STREAMS,
    )


def _who_am_i(limen: Installation) -> Target:
    request = users_pb2.GetUserRequest(user_id="me").SerializeToString()
    return Target(
        url=f"http://{limen.core}{GET_USER}",
        headers=dict(bearer(limen.token)),
        message=request,
        connections=_CONNECTIONS,
        streams=_STREAMS,
    )


async def _verify_echo(address: str, message: bytes) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_ECHO)
        if await call(message) != message:
            raise UnsoundError("the echo server does not echo")
