"""Bytes that are no message, sent to what stands beside the contract."""

import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\xff", b"\x0a\x02\xff\xfe"])
@pytest.mark.parametrize(
    "path",
    [
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ],
)
async def test_they_are_the_senders_fault(core, path, data):
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await core.channel.unary_unary(path)(data)

    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "Error" not in (refusal.value.details() or "")


async def test_health_can_be_watched_still(core):
    watch = health_pb2_grpc.HealthStub(core.channel).Watch(health_pb2.HealthCheckRequest())

    # It may begin while the core still looks for its database.
    async with asyncio.timeout(20):
        while (await watch.read()).status != SERVING:
            pass
    watch.cancel()
