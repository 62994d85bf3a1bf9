"""Changing one's address within one's own network wins nothing."""

from contextlib import asynccontextmanager

import grpc
import pytest

from limen.auth.v1 import auth_pb2
from tests.server.running_core import EDGE_SECRET, core_settings, refused, running_core


def coming_from(address: str) -> tuple[tuple[str, str], ...]:
    return (("limen-edge-secret", EDGE_SECRET), ("limen-client-network", address))


@asynccontextmanager
async def core_of(database_url, valkey_url, **changes):
    async with running_core(core_settings(database_url, valkey_url, **changes)) as core:
        yield core


@pytest.mark.parametrize(
    "address", ["2001:db8:1:2::{:x}", "::ffff:192.0.2.9"], ids=["a /64", "mapped IPv4"]
)
async def test_a_budget_is_spent_by_the_whole_network(database_url, valkey_url, address):
    async with core_of(database_url, valkey_url, rate_limit_scale=0.1) as core:
        seen = set()
        for number in range(1, 60):
            where = "192.0.2.9" if number % 2 and "{" not in address else address.format(number)
            answer = await refused(
                core.auth.ResetPassword(
                    auth_pb2.ResetPasswordRequest(token="x", new_password="y" * 20),
                    metadata=coming_from(where),
                )
            )
            seen.add(answer.reason)
            if answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED:
                break

    assert "RATE_LIMITED" in seen


async def test_a_lock_holds_for_the_whole_network(core):
    account = await core.user()
    reasons = [
        (
            await refused(
                core.sign_in(
                    account.user.email,
                    "not the password",
                    metadata=coming_from(f"2001:db8:7:7::{number:x}"),
                )
            )
        ).reason
        for number in range(1, 30)
    ]

    rows = await core.sql("SELECT DISTINCT network FROM users.sign_in_failures")
    assert "SIGN_IN_LOCKED" in reasons
    assert {row.network for row in rows} >= {"2001:db8:7:7::/64"}
    assert not [row for row in rows if row.network.startswith("2001:db8:7:7::1")]
