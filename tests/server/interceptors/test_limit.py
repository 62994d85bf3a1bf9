"""Budgets of the contract at the door: by network first, by caller afterwards."""

import asyncio
from contextlib import AsyncExitStack
from itertools import count
from uuid import uuid4

import grpc
import pytest

from limen.auth.v1 import auth_pb2
from limen.options.v1 import options_pb2
from limen.users.v1 import users_pb2
from server.interceptors.policy import _budgets
from tests.server.running_core import (
    EDGE_SECRET,
    PASSWORD,
    bearer,
    core_settings,
    refused,
    running_core,
)

ME = users_pb2.GetUserRequest(user_id="me")
CREDENTIAL = _budgets()[options_pb2.RATE_LIMIT_CLASS_CREDENTIAL]
READ = _budgets()[options_pb2.RATE_LIMIT_CLASS_READ]
FEW = 6

_networks = count(1)


@pytest.fixture
def network():
    """Metadata of a network that nobody has called from."""
    return from_network(f"2001:db8:{next(_networks):x}:{uuid4().hex[:4]}::1")


def from_network(address):
    return (("limen-edge-secret", EDGE_SECRET), ("limen-client-network", address))


@pytest.fixture
async def cores(database_url, valkey_url):
    """Makes cores that share everything, with budgets scaled so that the named one is `FEW`."""
    async with AsyncExitStack() as stack:

        async def cores(number, *, few, **changes):
            changes = {"rate_limit_scale": FEW / few, "log_level": "ERROR", **changes}
            settings = core_settings(database_url, changes.pop("valkey_url", valkey_url), **changes)
            return [await stack.enter_async_context(running_core(settings)) for _ in range(number)]

        yield cores


async def sign_in(core, metadata):
    request = auth_pb2.SignInRequest(email=core.fresh_email(), password="a wrong password")
    return (await refused(core.auth.SignIn(request, metadata=metadata))).reason


async def test_a_network_that_spent_its_budget_is_told_when_to_come_back(cores, network):
    (core,) = await cores(1, few=CREDENTIAL.network_per_minute)
    reasons = [await sign_in(core, network) for _ in range(FEW)]
    request = auth_pb2.SignInRequest(email="nobody@example.com", password="a wrong password")
    answer = await refused(core.auth.SignIn(request, metadata=network))

    assert reasons == ["SIGN_IN_FAILED"] * FEW
    assert answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert answer.reason == "RATE_LIMITED"
    assert 1.0 <= answer.retry_seconds <= 60.0


async def test_all_addresses_that_one_party_has_count_as_one(cores):
    (core,) = await cores(1, few=CREDENTIAL.network_per_minute)
    prefix = f"2001:db8:{next(_networks):x}:{uuid4().hex[:4]}"

    reasons = [await sign_in(core, from_network(f"{prefix}::{n:x}")) for n in range(FEW + 1)]

    assert reasons == ["SIGN_IN_FAILED"] * FEW + ["RATE_LIMITED"]


async def test_other_networks_and_other_classes_are_not_touched(cores, network):
    (core,) = await cores(1, few=CREDENTIAL.network_per_minute)
    for _ in range(FEW + 1):
        await sign_in(core, network)

    assert await sign_in(core, from_network("192.0.2.1")) == "SIGN_IN_FAILED"
    assert (await core.auth.GetJwks(auth_pb2.GetJwksRequest(), metadata=network)).keys


async def test_processes_share_the_budget_through_valkey(cores, network):
    both = await cores(2, few=CREDENTIAL.network_per_minute)
    reasons = [await sign_in(core, network) for core in both * FEW]

    assert reasons.count("SIGN_IN_FAILED") == FEW
    assert reasons.count("RATE_LIMITED") == FEW


async def test_without_valkey_each_process_keeps_its_own(cores, network, tmp_path):
    nowhere = f"unix://{tmp_path}/nothing.sock"
    both = await cores(2, few=CREDENTIAL.network_per_minute, valkey_url=nowhere)
    reasons = [await sign_in(core, network) for core in both * (FEW + 2)]

    assert reasons.count("SIGN_IN_FAILED") == 2 * FEW
    assert reasons.count("RATE_LIMITED") == 4


async def test_a_caller_has_one_budget_from_all_networks(cores):
    (core,) = await cores(1, few=CREDENTIAL.caller_per_minute)
    here = bearer(await core.sign_in((await core.user()).user.email))
    wrong = auth_pb2.ReauthenticateRequest(password="a wrong password")

    reasons = [
        (
            await refused(core.auth.Reauthenticate(wrong, metadata=(*here, *from_network(f"n{n}"))))
        ).reason
        for n in range(FEW + 1)
    ]
    other = bearer(await core.sign_in((await core.user()).user.email))

    assert reasons == ["SIGN_IN_FAILED"] * FEW + ["RATE_LIMITED"]
    assert (
        await refused(core.auth.Reauthenticate(wrong, metadata=other))
    ).reason == "SIGN_IN_FAILED"


async def test_a_network_is_refused_before_its_credential_is_looked_at(cores, network):
    (core,) = await cores(1, few=READ.network_per_minute)
    forged = (*network, ("authorization", "Bearer x"))
    reasons = [
        (await refused(core.users.GetUser(ME, metadata=forged))).reason for _ in range(FEW + 1)
    ]

    assert reasons == ["CREDENTIAL_INVALID"] * FEW + ["RATE_LIMITED"]


async def test_parallel_calls_get_no_more_than_there_is(cores, network):
    both = await cores(2, few=READ.network_per_minute)
    calls = (core.auth.GetJwks(auth_pb2.GetJwksRequest(), metadata=network) for core in both * 30)
    results = await asyncio.gather(*calls, return_exceptions=True)

    assert sum(not isinstance(result, Exception) for result in results) == FEW


async def test_a_caller_whose_budget_is_spent_may_still_sign_in(cores):
    (core,) = await cores(1, few=READ.caller_per_minute)
    account = await core.user()
    here = bearer(await core.sign_in(account.user.email))
    for _ in range(FEW):
        await core.users.GetUser(ME, metadata=here)

    assert (await refused(core.users.GetUser(ME, metadata=here))).reason == "RATE_LIMITED"
    request = auth_pb2.SignInRequest(email=account.user.email, password=PASSWORD)
    assert (
        await core.auth.SignIn(request, metadata=from_network("203.0.113.7"))
    ).session.session_id
