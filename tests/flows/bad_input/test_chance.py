"""Input by chance, half right and half anything."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.flows.bad_input import chance
from tests.flows.bad_input.answers import of_rest
from tests.flows.bad_input.house import JSON, STRANGER, House, Someone
from tests.flows.bad_input.rpcs import RestRequest, Rpc

pytestmark = pytest.mark.asyncio(loop_scope="session")

BY_CHANCE = settings(
    max_examples=100,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@BY_CHANCE
@given(request=chance.requests(), headers=chance.headers, is_known=st.booleans())
async def test_no_request_is_a_failure(
    house: House, somebody: Someone, request: RestRequest, headers: Any, is_known: bool
) -> None:
    who = somebody if is_known else STRANGER
    typed = [JSON] if request.body is not None else []
    reply = await house.http.send(
        request.method,
        request.target,
        [*who.headers, *typed, *headers],
        request.body,
        head_only=True,
    )
    assert of_rest(reply).status < 500


@BY_CHANCE
@given(message=chance.messages(), metadata=chance.metadata, is_known=st.booleans())
async def test_no_message_is_a_failure(
    house: House, somebody: Someone, message: tuple[Rpc, bytes], metadata: Any, is_known: bool
) -> None:
    rpc, data = message
    who = somebody if is_known else STRANGER
    assert (await house.over_grpc(rpc, data, who, *metadata)).status < 500
