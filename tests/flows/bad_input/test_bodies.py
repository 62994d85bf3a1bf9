"""Bodies that are no JSON, of another type, or too large."""

from dataclasses import replace

import pytest

from edge.settings import Settings
from tests.flows.bad_input import bodies, heads
from tests.flows.bad_input.answers import of_rest
from tests.flows.bad_input.attempts import each, refuses
from tests.flows.bad_input.house import House, Someone
from tests.flows.bad_input.plausible import request_for
from tests.flows.bad_input.rpcs import OVER_REST, Rpc

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONGEST_BODY: int = Settings.model_fields["max_body"].default
WITH_BODY = pytest.mark.parametrize("rpc", [rpc for rpc in OVER_REST if rpc.body], ids=str)
WITHOUT_BODY = pytest.mark.parametrize("rpc", [rpc for rpc in OVER_REST if not rpc.body], ids=str)


@WITH_BODY
async def test_values_of_the_wrong_type_are_refused_and_named(
    house: House, rpc: Rpc, caller: Someone
) -> None:
    await refuses(house, caller, bodies.of_wrong_types(rpc))


@WITH_BODY
async def test_unknown_and_repeated_fields_are_refused_and_named(
    house: House, rpc: Rpc, caller: Someone
) -> None:
    await refuses(house, caller, bodies.of_wrong_names(rpc))


@WITH_BODY
async def test_what_is_no_json_is_refused(house: House, rpc: Rpc, caller: Someone) -> None:
    before = await house.belongings()

    async def attempt(body: bytes) -> None:
        outcome = await house.over_rest(bodies.plain(rpc, body), caller)
        assert outcome.reason == "INVALID_REQUEST", body[:100]
        assert outcome.faults, body[:100]

    # Where the body is one field, null stands for its absence, as it does for any field.
    await each([body for body in bodies.NO_JSON if body != b"null" or rpc.body == "*"], attempt)
    assert await house.belongings() == before


@WITH_BODY
async def test_other_media_types_and_sizes_are_refused(
    house: House, rpc: Rpc, caller: Someone
) -> None:
    before = await house.belongings()
    request = bodies.plain(rpc, b"{}")
    for headers in heads.MEDIA_TYPES:
        reply = await house.http.send(
            request.method, request.target, [*caller.headers, *headers], request.body
        )
        assert of_rest(reply).reason == "UNSUPPORTED_MEDIA_TYPE", headers
        assert reply.status == 415
    huge = bodies.plain(rpc, b'{"a": "' + b"a" * LONGEST_BODY + b'"}')
    outcome = await house.over_rest(huge, caller)
    assert (outcome.reason, outcome.status) == ("REQUEST_TOO_LARGE", 413)
    assert await house.belongings() == before


@WITHOUT_BODY
async def test_a_body_where_there_is_none_is_refused(
    house: House, rpc: Rpc, caller: Someone
) -> None:
    request = rpc.rest(request_for(rpc))
    assert request is not None
    for body in (b"{}", b"x", b"\0" * 50_000):
        outcome = await house.over_rest(replace(request, body=body), caller)
        assert [rule for _, rule, _ in outcome.faults] == ["body.unexpected"]
