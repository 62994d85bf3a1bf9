"""gRPC calls of nothing, with any bytes, with any metadata."""

from typing import Any

import grpc
import pytest

from tests.flows.bad_input import calls, http2
from tests.flows.bad_input.answers import of_grpc
from tests.flows.bad_input.cases import A_FEW
from tests.flows.bad_input.house import House, Someone
from tests.flows.bad_input.rpcs import RPCS, WITH_FIELDS, Rpc

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVERY_RPC = pytest.mark.parametrize("rpc", RPCS, ids=str)
BLAMELESS = {
    code.value[0]
    for code in (
        grpc.StatusCode.OK,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
    )
}


@EVERY_RPC
async def test_bytes_that_are_no_message_are_refused(
    house: House, rpc: Rpc, caller: Someone
) -> None:
    before = await house.belongings()
    for data in (b"\xff\xff\xff", b"\x0a\xff", b"\x0b" * 500, *calls.texts_that_are_no_text(rpc)):
        outcome = await house.over_grpc(rpc, data, caller)
        assert outcome.reason == "INVALID_REQUEST", data
    assert await house.belongings() == before


@pytest.mark.parametrize("rpc", WITH_FIELDS, ids=str)
async def test_messages_of_other_rpcs_are_no_failure(
    house: House, rpc: Rpc, caller: Someone
) -> None:
    for data in calls.messages_of_others(rpc)[::A_FEW]:
        assert (await house.over_grpc(rpc, data, caller)).status < 500


@pytest.mark.parametrize("path", calls.NO_RPCS)
async def test_what_is_no_rpc_is_unimplemented(house: House, path: str) -> None:
    for data in (b"", b"\xff\xff", b"a" * 100_000):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await house.channel.unary_unary(path)(data)
        assert of_grpc(refused.value, RPCS[0]).reason == "UNIMPLEMENTED"


@pytest.mark.parametrize("path", calls.OUTSIDE_OF_THE_CONTRACT)
async def test_bytes_that_are_no_message_are_refused_outside_of_the_contract_too(
    house: House, path: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await house.channel.unary_unary(path)(b"\xff\xff\xff")
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_message_beyond_all_bounds_is_refused(house: House) -> None:
    before = await house.belongings()
    for rpc in RPCS[:: len(RPCS) // 3]:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await house.channel.unary_unary(rpc.path)(b"a" * 5 * 1024 * 1024)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert await house.belongings() == before


@pytest.mark.parametrize("metadata", calls.METADATA, ids=lambda metadata: str(metadata)[:60])
async def test_no_metadata_are_a_failure(house: House, metadata: Any) -> None:
    for rpc in RPCS[:: len(RPCS) // 3]:
        status = await http2.status_of(house.system.grpc_address, rpc.path, metadata)
        assert status in BLAMELESS


async def test_metadata_beyond_all_bounds_are_refused(house: House) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await house.channel.unary_unary(RPCS[0].path)(b"", metadata=[("x-long", "a" * 40_000)])
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
