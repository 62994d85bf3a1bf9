"""Who-am-I over REST, beside a hand-written route to the same core and one that does nothing."""

import json
from contextlib import AsyncExitStack
from functools import partial

from bench.figures import Figure, at_least, ratio
from bench.http1 import HttpClient
from bench.installation import GET_USER, Installation, bearer
from bench.jobs import UnsoundError
from bench.load import Target, calibrate, throughput, witnessed
from bench.processes import Child, free_ports, listens
from bench.rounds import Effort, Measure, in_turns

_CONNECTIONS = 32
_ME = "/v1/users/me"


async def measure(limen: Installation, effort: Effort) -> list[Figure]:
    """Requests a second, of all three."""
    by_hand, static = free_ports(2)
    route = Child("bench.baselines.stub_route", str(by_hand), limen.core, folder=limen.folder)
    nothing = Child("bench.baselines.static_route", str(static), folder=limen.folder)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(route.running(listens(by_hand)))
        await stack.enter_async_context(nothing.running(listens(static)))
        await _verify_alike(limen, by_hand)
        at_rest = _target(static, "/", {})
        requests = await calibrate(at_rest, effort.throughput)
        reached = await in_turns(
            {
                "static": partial(throughput, at_rest, requests),
                "by hand": await _contender(limen, by_hand, effort),
                "edge": await _contender(limen, limen.edge_port, effort),
            },
            effort.rounds,
        )
        await _verify_alike(limen, by_hand)
    return [
        ratio(
            "who-am-I over REST",
            limen=reached["edge"],
            baseline=reached["by hand"],
            beside="FastAPI + Pydantic + stub, written by hand",
            unit="req/s",
            target=at_least(1.0),
            aim=at_least(1.3),
        ),
        ratio(
            "who-am-I over REST, beside doing nothing",
            limen=reached["edge"],
            baseline=reached["static"],
            beside="static FastAPI route",
            unit="req/s",
            target=at_least(0.4),
        ),
    ]


async def _contender(limen: Installation, port: int, effort: Effort) -> Measure:
    target = _target(port, _ME, dict(bearer(limen.token)))
    requests = await calibrate(target, effort.throughput)
    # The core has as many successes to tell of.
    return partial(witnessed, limen.witness(GET_USER), target, requests)


def _target(port: int, path: str, headers: dict[str, str]) -> Target:
    url = f"http://127.0.0.1:{port}{path}"
    return Target(url=url, headers=headers, connections=_CONNECTIONS)


async def _verify_alike(limen: Installation, by_hand: int) -> None:
    """Both must say who it is, or they do not do the same work."""
    answers = []
    for port in (by_hand, limen.edge_port):
        client = HttpClient("127.0.0.1", port)
        answers.append(json.loads(await client.get(_ME, dict(bearer(limen.token)))))
        client.close()
    if answers[0].keys() != answers[1].keys() or answers[0]["userId"] != answers[1]["userId"]:
        raise UnsoundError(f"the edge and the route by hand differ: {answers}")
