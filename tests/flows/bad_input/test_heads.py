"""Methods, paths, queries and headers that lead nowhere."""

from dataclasses import replace
from typing import Any

import pytest

from tests.flows.bad_input import bodies, heads
from tests.flows.bad_input.answers import of_rest
from tests.flows.bad_input.attempts import each, refuses
from tests.flows.bad_input.house import JSON, House, Someone
from tests.flows.bad_input.plausible import request_for
from tests.flows.bad_input.rpcs import OVER_REST, Rpc

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVERY_ROUTE = pytest.mark.parametrize("rpc", OVER_REST, ids=str)


@EVERY_ROUTE
async def test_queries_that_no_rpc_has_are_refused_and_named(
    house: House, rpc: Rpc, caller: Someone
) -> None:
    before = await house.belongings()
    request = rpc.rest(request_for(rpc))
    assert request is not None
    own = [(f"{name}=x", name) for name in (*rpc.variables, rpc.body.strip("*")) if name]

    async def attempt(attack: tuple[str, str | None]) -> None:
        query, field = attack
        outcome = await house.over_rest(
            replace(request, target=f"{request.target}?{query}"), caller
        )
        assert outcome.reason == "INVALID_REQUEST", query[:100]
        assert field in (None, *outcome.fields), (query[:100], outcome)

    await each([*heads.QUERIES, *own], attempt)
    assert await house.belongings() == before


@EVERY_ROUTE
async def test_parameters_that_are_wrong_are_refused_and_named(
    house: House, rpc: Rpc, caller: Someone
) -> None:
    await refuses(house, caller, bodies.in_the_query(rpc))


@EVERY_ROUTE
async def test_wrong_methods_and_paths_lead_nowhere(
    house: House, rpc: Rpc, somebody: Someone
) -> None:
    before = await house.belongings()
    request = rpc.rest(request_for(rpc))
    assert request is not None
    path = request.target.partition("?")[0]
    known = {other.verb for other in OVER_REST if other.has_path(path)}
    known |= {"HEAD"} if "GET" in known else set()

    async def attempt_method(method: str) -> None:
        reply = await house.http.send(method, path, somebody.headers)
        assert reply.status == 405, reply
        assert set(reply["allow"].split(", ")) == known | {"OPTIONS"}, reply
        assert method == "HEAD" or of_rest(reply).reason == "METHOD_NOT_ALLOWED", reply

    async def attempt_path(beside: str) -> None:
        reply = await house.http.send(rpc.verb, beside, [*somebody.headers, JSON], request.body)
        outcome = of_rest(reply)
        assert outcome.reason in {
            "ROUTE_NOT_FOUND",
            "METHOD_NOT_ALLOWED",
            "INVALID_REQUEST",
            "NOT_FOUND",
        }, reply

    await each(set(heads.METHODS) - known, attempt_method)
    await each(heads.paths_beside(path), attempt_path)
    assert await house.belongings() == before


@pytest.mark.parametrize("page", heads.PAGES)
async def test_pages_beside_the_api_are_no_failure(house: House, page: str) -> None:
    path = page.partition("?")[0]
    attacks = [("GET", beside) for beside in heads.paths_beside(path)]
    attacks += [(method, path) for method in heads.METHODS]
    attacks += [("GET", f"{path}?{query}") for query, _ in heads.QUERIES]

    async def attempt(attack: tuple[str, str]) -> None:
        reply = await house.http.send(*attack)
        assert attack[0] == "HEAD" or of_rest(reply).status < 500, reply

    await each(attacks, attempt)


@pytest.mark.parametrize("headers", heads.HEADERS, ids=lambda headers: str(headers)[:60])
async def test_no_header_is_a_failure(house: House, somebody: Someone, headers: Any) -> None:
    for credential in ([], somebody.headers):
        for target in (
            "/v1/users/me",
            "/v1/audit/events:watch?firstIndex=0",
            "/.well-known/jwks.json",
            "/",
        ):
            reply = await house.http.send("GET", target, [*credential, *headers], head_only=True)
            assert of_rest(reply).status < 500


async def test_nobody_outside_speaks_for_the_edge(house: House) -> None:
    who = await house.someone()
    forged = [("limen-client-network", "6.6.6.6"), ("limen-edge-secret", "guess")]
    forged += [("limen-client-user-agent", "forged"), ("x-forwarded-for", "6.6.6.6")]
    await house.sign_in(who.email, *forged)
    reply = await house.http.send("GET", "/v1/auth/sessions", who.headers)
    assert b"127.0.0.1" in reply.body
    assert b"6.6.6.6" not in reply.body
    assert b"forged" not in reply.body
