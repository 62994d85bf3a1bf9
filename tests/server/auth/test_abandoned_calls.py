"""Calls that are given up on leave nothing behind: no lock, no transaction, no lost attempt."""

import asyncio

import asyncpg
import grpc
import pytest

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from server.platform.database import connection_arguments
from tests.server.running_core import PASSWORD, bearer, core_settings, refused, running_core

IN_TRANSACTION = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'limen-core' AND state <> 'idle'
"""


@pytest.fixture
async def core(database_url, valkey_url):
    settings = core_settings(database_url, valkey_url, database_pool=3, database_pool_timeout=2)
    async with running_core(settings) as running:
        yield running


@pytest.fixture
async def owner(database_url):
    connection = await asyncpg.connect(**connection_arguments(database_url))
    yield connection
    await connection.close()


async def rest(owner) -> None:
    """Returns once no transaction of the core is open."""
    async with asyncio.timeout(10):
        while await owner.fetchval(IN_TRANSACTION):  # noqa: ASYNC110 - PostgreSQL does not tell
            await asyncio.sleep(0.02)


async def test_deadlines_inside_a_transaction_do_not_spoil_the_pool(core, owner):
    account = await core.user()
    here = bearer(await core.sign_in(account.user.email))
    await refused(core.sign_in(account.user.email, "a wrong password"))
    request = auth_pb2.SignInRequest(email=account.user.email, password=PASSWORD)

    async with owner.transaction():
        await owner.execute("SELECT FROM users.sign_in_failures FOR UPDATE")
        for _ in range(5):
            with pytest.raises(grpc.aio.AioRpcError) as late:
                await core.auth.SignIn(request, timeout=0.3)
            assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await rest(owner)

    for _ in range(20):
        await core.auth.ListSessions(auth_pb2.ListSessionsRequest(), metadata=here)


async def test_sign_ins_that_are_given_up_on_lock_nobody_out(core, owner):
    account = await core.user()
    request = auth_pb2.SignInRequest(email=account.user.email, password=PASSWORD)

    async with owner.transaction():
        await owner.execute("LOCK TABLE auth.sessions IN ACCESS EXCLUSIVE MODE")
        for _ in range(2):
            with pytest.raises(grpc.aio.AioRpcError):
                await core.auth.SignIn(request, timeout=0.3)

    here = "SELECT sum(attempts) FROM users.sign_in_failures WHERE network <> ''"
    async with asyncio.timeout(10):
        while await owner.fetchval(here):  # noqa: ASYNC110 - PostgreSQL does not tell
            await asyncio.sleep(0.02)
    assert await core.sign_in(account.user.email)


async def test_a_password_change_does_not_outlive_a_reset(core, owner):
    """Whoever waits with the old password must not win over the owner who has just reset it."""
    account = await core.user()
    thief = bearer(await core.sign_in(account.user.email))
    change = auth_pb2.ChangePasswordRequest(
        current_password=PASSWORD, new_password="the password of a thief"
    )
    async with owner.transaction():
        await owner.execute(
            "SELECT FROM users.users WHERE user_id = $1 FOR UPDATE", account.user.user_id
        )
        changing = asyncio.ensure_future(core.auth.ChangePassword(change, metadata=thief))
        async with asyncio.timeout(10):
            while not await owner.fetchval(  # noqa: ASYNC110 - PostgreSQL does not tell
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            ):
                await asyncio.sleep(0.02)
        await owner.execute(
            "UPDATE auth.passwords SET encoded = 'reset' WHERE user_id = $1", account.user.user_id
        )
        await owner.execute(
            "UPDATE auth.sessions SET revoke_time = now() WHERE user_id = $1",
            account.user.user_id,
        )

    assert (await refused(changing)).reason == "CREDENTIAL_INVALID"
    stored = await owner.fetchval(
        "SELECT encoded FROM auth.passwords WHERE user_id = $1", account.user.user_id
    )
    assert stored == "reset"


async def test_a_client_that_hangs_up_leaves_no_transaction(core, owner):
    here = await core.bearer()
    async with owner.transaction():
        await owner.execute("LOCK TABLE users.users IN ACCESS EXCLUSIVE MODE")
        request = users_pb2.UpdateUserRequest(
            user=users_pb2.User(user_id="me", display_name="Gone")
        )
        call = core.users.UpdateUser(request, metadata=here)
        waiting = asyncio.ensure_future(call.wait_for_connection())
        await asyncio.sleep(0.1)
        call.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await rest(owner)

    assert (await core.users.GetUser(users_pb2.GetUserRequest(user_id="me"), metadata=here)).user
