"""No call runs forever, and none leaves a query behind."""

import asyncio
from contextlib import asynccontextmanager

import asyncpg
import grpc
import pytest

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from server.platform.database import connection_arguments
from tests.eventually import soon
from tests.server.running_core import PASSWORD, bearer, core_settings, refused, running_core

SIGN_OUT = auth_pb2.SignOutRequest()
ASLEEP = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'active' AND wait_event = 'PgSleep'
"""
SLOW = """
CREATE OR REPLACE FUNCTION public.sleep() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_sleep(120); RETURN NEW; END';
CREATE TRIGGER slow BEFORE INSERT ON audit.events FOR EACH ROW
    WHEN (NEW.action = 'auth.sign_out') EXECUTE FUNCTION public.sleep();
"""


@pytest.fixture
async def owner(database_url):
    """The database, in which signing out takes two minutes."""
    connection = await asyncpg.connect(**connection_arguments(database_url))
    await connection.execute(SLOW)
    yield connection
    await connection.execute("DROP TRIGGER slow ON audit.events")
    await connection.close()


@pytest.fixture
def core_with(database_url, valkey_url):
    @asynccontextmanager
    async def core_with(**changes):
        settings = core_settings(database_url, valkey_url, database_pool=2, **changes)
        async with running_core(settings) as core:
            yield core

    return core_with


async def nobody_sleeps(owner) -> bool:
    return await owner.fetchval(ASLEEP) == 0


async def signed_in(core):
    return bearer(await core.sign_in((await core.user()).user.email))


async def test_the_deadline_of_a_caller_reaches_the_database(core_with, owner):
    async with core_with() as core:
        here = await signed_in(core)
        call = asyncio.ensure_future(core.auth.SignOut(SIGN_OUT, metadata=here, timeout=0.5))
        await soon(lambda: owner.fetchval(ASLEEP))

        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call

        assert failure.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await soon(lambda: nobody_sleeps(owner))


async def test_fifty_milliseconds_are_enough_to_say_no(core_with, owner):
    async with core_with() as core:
        here = await signed_in(core)
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await core.auth.SignOut(SIGN_OUT, metadata=here, timeout=0.05)

        assert failure.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await soon(lambda: nobody_sleeps(owner))


@pytest.mark.parametrize("options", [{}, {"timeout": 100.0}], ids=["none", "a longer one"])
async def test_the_core_has_a_deadline_of_its_own(core_with, owner, options):
    async with core_with(max_deadline=0.3) as core:
        answer = await refused(
            core.auth.SignOut(SIGN_OUT, metadata=await signed_in(core), **options)
        )

        assert answer.code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert answer.reason == "DEADLINE_EXCEEDED"
        assert answer.localized
        assert answer.request_id
        await soon(lambda: nobody_sleeps(owner))


async def test_calls_that_ran_out_of_time_keep_no_connection(core_with, owner):
    async with core_with(max_deadline=0.3) as core:
        credentials = [await signed_in(core) for _ in range(4)]
        for here in credentials:
            await refused(core.auth.SignOut(SIGN_OUT, metadata=here))

        me = users_pb2.GetUserRequest(user_id="me")
        await asyncio.gather(*(core.users.GetUser(me, metadata=here) for here in credentials))
        await asyncio.gather(*(signed_in(core) for _ in range(2)))
        assert await nobody_sleeps(owner)


async def test_a_call_without_time_has_no_effect(core_with, owner):
    async with core_with() as core:
        account = await core.user()
        here = bearer(await core.sign_in(account.user.email))
        with pytest.raises(grpc.aio.AioRpcError):
            await core.auth.SignOut(SIGN_OUT, metadata=here, timeout=0.5)
        await soon(lambda: nobody_sleeps(owner))

        me = users_pb2.GetUserRequest(user_id="me")
        assert (await core.users.GetUser(me, metadata=here)).user.email == account.user.email
        assert not await core.events(action="auth.sign_out", actor_id=str(account.user.user_id))


async def test_a_call_that_its_caller_leaves_stops_too(core_with, owner):
    async with core_with() as core:
        here = await signed_in(core)
        call = asyncio.ensure_future(core.auth.SignOut(SIGN_OUT, metadata=here))
        await soon(lambda: owner.fetchval(ASLEEP))
        call.cancel()

        await soon(lambda: nobody_sleeps(owner))


async def test_waiting_for_a_row_that_another_holds_ends_as_well(core_with, owner):
    async with core_with(max_deadline=0.3) as core:
        account = await core.user()
        holding = owner.transaction()
        await holding.start()
        await owner.execute("SELECT FROM users.users FOR UPDATE")

        answer = await refused(core.sign_in(account.user.email))
        await holding.rollback()

        assert answer.reason == "DEADLINE_EXCEEDED"
        assert await core.sign_in(account.user.email, PASSWORD)
