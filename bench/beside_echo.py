"""Calls through the whole chain of the core, beside a bare grpc.aio server."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import grpc

from bench.baselines import echo
from bench.figures import Bound, Figure, ratio
from bench.installation import Installation
from bench.jobs import UnsoundError
from bench.load import Target, calibrate, throughput, witnessed
from bench.processes import Child, free_ports, listens
from bench.rounds import Effort, in_turns

_CONNECTIONS = 8
_STREAMS = 8
_ECHO = f"/{echo.SERVICE}/{echo.METHOD}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A call to measure. `answer` is what it brings, so that the echo can bring as many bytes."""

    rpc: str
    headers: Mapping[str, str]
    request: bytes
    answer: bytes


async def compare(
    limen: Installation,
    effort: Effort,
    question: Question,
    *,
    what: str,
    target: Bound,
    aim: Bound | None = None,
) -> Figure:
    """Calls a second, of both."""
    (port,) = free_ports(1)
    bare = f"127.0.0.1:{port}"
    server = Child("bench.baselines.echo", str(port), folder=limen.folder)
    async with server.running(listens(port)):
        await _verify_echo(bare, question.answer)
        echoing = _target(bare, _ECHO, question.answer, {})
        asking = _target(limen.core, question.rpc, question.request, question.headers)
        reached = await in_turns(
            {
                "bare": partial(throughput, echoing, await calibrate(echoing, effort.throughput)),
                "core": partial(
                    witnessed,
                    limen.witness(question.rpc),
                    asking,
                    await calibrate(asking, effort.throughput),
                ),
            },
            effort.rounds,
        )
        await _verify_echo(bare, question.answer)
    return ratio(
        what,
        limen=reached["core"],
        baseline=reached["bare"],
        beside="bare grpc.aio echo",
        unit="calls/s",
        target=target,
        aim=aim,
    )


def _target(address: str, path: str, message: bytes, headers: Mapping[str, str]) -> Target:
    return Target(
        url=f"http://{address}{path}",
        headers=headers,
        message=message,
        connections=_CONNECTIONS,
        streams=_STREAMS,
    )


async def _verify_echo(address: str, message: bytes) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_ECHO)
        if await call(message) != message:
            raise UnsoundError("the echo server does not echo")
