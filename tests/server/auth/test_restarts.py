"""What is known of sessions is in PostgreSQL: a restart of everything else forgets none of it."""

import asyncio
import contextlib

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from tests.server.running_core import bearer, core_settings, refused, running_core

pytestmark = pytest.mark.asyncio(loop_scope="module")

ME = users_pb2.GetUserRequest(user_id="me")


@pytest_asyncio.fixture(loop_scope="module")
async def restarted(database_url, valkey_url):
    """Starts a core beside an empty Valkey, at a time that may be later."""
    async with contextlib.AsyncExitStack() as stack:

        async def restarted(**later):
            async with Redis.from_url(valkey_url) as client:
                await client.flushdb()
            core = await stack.enter_async_context(
                running_core(core_settings(database_url, valkey_url))
            )
            core.clock.forward(**later)
            return core

        yield restarted


async def refresh(core, token):
    request = auth_pb2.RefreshTokensRequest(refresh_token=token)
    return (await core.auth.RefreshTokens(request)).tokens


async def signed_in(core):
    return await core.sign_in((await core.user()).user.email)


async def test_a_session_goes_on(core, restarted):
    answer = await signed_in(core)

    after = await restarted()

    assert await after.users.GetUser(ME, metadata=bearer(answer))
    assert await refresh(after, answer.tokens.refresh_token)


async def test_a_session_that_ended_stays_ended(core, restarted):
    answer = await signed_in(core)
    await core.auth.SignOut(auth_pb2.SignOutRequest(), metadata=bearer(answer))

    after = await restarted()

    told = await refused(after.users.GetUser(ME, metadata=bearer(answer)))
    assert told.reason == "CREDENTIAL_INVALID"
    told = await refused(refresh(after, answer.tokens.refresh_token))
    assert told.reason == "CREDENTIAL_INVALID"


async def test_a_lost_answer_is_given_again_by_another_core(core, restarted):
    first = (await signed_in(core)).tokens
    second = await refresh(core, first.refresh_token)

    after = await restarted()

    assert (await refresh(after, first.refresh_token)).refresh_token == second.refresh_token


async def test_reuse_beyond_the_grace_ends_the_family(core, restarted):
    answer = await signed_in(core)
    second = await refresh(core, answer.tokens.refresh_token)

    after = await restarted(seconds=11)

    told = await refused(refresh(after, answer.tokens.refresh_token))
    assert told.reason == "REFRESH_TOKEN_REUSED"
    told = await refused(refresh(after, second.refresh_token))
    assert told.reason == "CREDENTIAL_INVALID"
    events = await after.events(
        action="auth.refresh_reuse_detected", subject_id=answer.session.session_id
    )
    assert len(events) == 1


async def test_reuse_that_was_found_is_not_forgotten(core, restarted):
    first = (await signed_in(core)).tokens
    second = await refresh(core, first.refresh_token)
    await refresh(core, second.refresh_token)
    assert (await refused(refresh(core, first.refresh_token))).reason == "REFRESH_TOKEN_REUSED"

    after = await restarted()

    assert (await refused(refresh(after, second.refresh_token))).reason == "CREDENTIAL_INVALID"


async def test_fifty_refreshes_over_two_cores_leave_one_lineage(core, restarted):
    first = (await signed_in(core)).tokens
    other = await restarted()

    pairs = await asyncio.gather(
        *(refresh((core, other)[number % 2], first.refresh_token) for number in range(50))
    )

    assert len({pair.refresh_token for pair in pairs}) == 1
    assert await refresh(other, pairs[0].refresh_token)


async def test_the_use_that_counts_for_idleness_is_remembered(core, restarted):
    answer = await signed_in(core)
    core.clock.forward(days=13)
    token = (await refresh(core, answer.tokens.refresh_token)).refresh_token

    after = await restarted(days=26)
    assert await refresh(after, token)

    late = await restarted(days=41)
    assert (await refused(refresh(late, token))).reason == "CREDENTIAL_INVALID"


async def test_the_absolute_end_is_remembered(core, restarted):
    token = (await signed_in(core)).tokens.refresh_token
    for days in range(10, 90, 10):
        core.clock.back_to_the_present()
        core.clock.forward(days=days)
        token = (await refresh(core, token)).refresh_token

    after = await restarted(days=90)

    assert (await refused(refresh(after, token))).reason == "CREDENTIAL_INVALID"
