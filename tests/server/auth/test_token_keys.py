"""A token is worth what its key is worth."""

import pytest

from limen.users.v1 import users_pb2
from tests.server.running_core import bearer, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

ME = users_pb2.GetUserRequest(user_id="me")


async def test_a_remembered_token_does_not_outlive_its_key(core):
    here = bearer(await core.sign_in((await core.user()).user.email))
    assert await core.users.GetUser(ME, metadata=here)

    await core.sql("UPDATE auth.signing_keys SET retire_time = now() - interval '1 minute'")
    await core.domain.keyring.load()
    try:
        assert (await refused(core.users.GetUser(ME, metadata=here))).reason == "CREDENTIAL_INVALID"
    finally:
        await core.sql("UPDATE auth.signing_keys SET retire_time = NULL")
        await core.domain.keyring.load()


async def test_a_key_that_others_retire_leaves_the_other_tokens_alone(core):
    email = (await core.user()).user.email
    old = bearer(await core.sign_in(email))
    await core.users.GetUser(ME, metadata=old)
    await core.sql("UPDATE auth.signing_keys SET retire_time = now() - interval '1 minute'")
    await core.domain.keyring.load()
    new = bearer(await core.sign_in(email))

    assert await core.users.GetUser(ME, metadata=new)
    assert (await refused(core.users.GetUser(ME, metadata=old))).reason == "CREDENTIAL_INVALID"
