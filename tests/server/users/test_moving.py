"""Changing one's own address: asked for, confirmed at the new one, told to the old one."""

import asyncio

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from server.auth.one_time_tokens import Purpose
from tests.server.running_core import bearer, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def ask(core, metadata, email, **more):
    request = users_pb2.UpdateUserRequest(
        user=users_pb2.User(user_id="me", email=email, **more),
        update_mask=FieldMask(paths=["email", *more]),
    )
    return (await core.users.UpdateUser(request, metadata=metadata)).user


async def follow(core, token):
    return await core.auth.VerifyEmail(auth_pb2.VerifyEmailRequest(token=token))


async def mailed(core, account):
    return await core.mailed_token(account.user.email, "change_email")


async def letters(core, account):
    rows = await core.sql(
        "SELECT args FROM jobs.outbox WHERE args->>'user_id' = :id ORDER BY create_time, job_id",
        id=str(account.user.user_id),
    )
    return [row[0] for row in rows]


async def signed_in(core):
    account = await core.user()
    return account, bearer(await core.sign_in(account.user.email))


async def test_the_address_stays_until_the_new_one_is_confirmed(core):
    account, here = await signed_in(core)
    new = core.fresh_email()

    unchanged = await ask(core, here, new, display_name="Grace")
    await follow(core, await mailed(core, account))

    assert (unchanged.email, unchanged.display_name) == (account.user.email, "Grace")
    assert (await refused(core.sign_in(account.user.email))).reason == "SIGN_IN_FAILED"
    user = (await core.sign_in(new)).user
    assert (user.email, user.email_verified) == (new, True)


async def test_the_old_address_is_told(core):
    account, here = await signed_in(core)
    await ask(core, here, core.fresh_email())
    await follow(core, await mailed(core, account))

    told = (await letters(core, account))[-1]

    assert told["template"] == "email_changed"
    assert core.domain.letters.address(told["address"]) == account.user.email
    assert account.user.email not in str(told)


async def test_links_mailed_to_the_old_address_die_with_it(core):
    account, here = await signed_in(core)
    await ask(core, here, core.fresh_email())
    token = await mailed(core, account)
    async with core.domain.database.transaction() as tx:
        await core.domain.letters.send_token(
            tx, account.user.user_id, Purpose.RESET_PASSWORD, template="reset_password"
        )
    reset = await core.mailed_token(account.user.email, "reset_password")

    await follow(core, token)
    request = auth_pb2.ResetPasswordRequest(token=reset, new_password="a brand new passphrase")

    assert (await refused(core.auth.ResetPassword(request))).reason == "TOKEN_INVALID"


async def test_only_the_newest_link_works_and_works_once(core):
    account, here = await signed_in(core)
    await ask(core, here, core.fresh_email())
    first = await mailed(core, account)
    await ask(core, here, core.fresh_email())
    second = await mailed(core, account)

    assert (await refused(follow(core, first))).reason == "TOKEN_INVALID"
    results = await asyncio.gather(
        *(follow(core, second) for _ in range(50)), return_exceptions=True
    )
    assert sum(isinstance(result, auth_pb2.VerifyEmailResponse) for result in results) == 1


async def test_an_address_that_is_taken_looks_the_same_and_is_never_given_away(core):
    owner = await core.user()
    account, here = await signed_in(core)

    unchanged = await ask(core, here, owner.user.email.upper())
    answer = await refused(follow(core, await mailed(core, account)))

    assert unchanged.email == account.user.email
    assert answer.reason == "TOKEN_INVALID"
    assert (await core.sign_in(owner.user.email)).user.user_id == str(owner.user.user_id)


async def test_an_address_taken_meanwhile_is_not_given_away(core):
    account, here = await signed_in(core)
    wanted = core.fresh_email()
    await ask(core, here, wanted)
    await core.user(email=wanted)

    answer = await refused(follow(core, await mailed(core, account)))

    assert answer.reason == "TOKEN_INVALID"
    assert (await core.sign_in(account.user.email)).session.session_id


async def test_two_accounts_that_want_one_address_do_not_both_get_it(core):
    one, here = await signed_in(core)
    other, there = await signed_in(core)
    wanted = core.fresh_email()
    await asyncio.gather(ask(core, here, wanted), ask(core, there, wanted))

    results = await asyncio.gather(
        *[follow(core, await mailed(core, each)) for each in (one, other)],
        return_exceptions=True,
    )

    assert sum(isinstance(result, auth_pb2.VerifyEmailResponse) for result in results) == 1


async def test_an_old_proof_is_not_enough(core):
    account, _ = await signed_in(core)
    signed_in_then = await core.sign_in(account.user.email)
    core.clock.forward(minutes=11)
    try:
        request = auth_pb2.RefreshTokensRequest(refresh_token=signed_in_then.tokens.refresh_token)
        here = bearer(await core.auth.RefreshTokens(request))
        answer = await refused(ask(core, here, core.fresh_email()))
    finally:
        core.clock.back_to_the_present()

    assert (answer.reason, answer.metadata) == ("PROOF_TOO_OLD", {"maxAgeSeconds": "600"})


async def test_the_own_address_again_asks_for_nothing(core):
    account, here = await signed_in(core)

    await ask(core, here, account.user.email)

    assert not await letters(core, account)


async def test_the_address_of_somebody_else_needs_the_permission(core):
    other = await core.user()
    _, here = await signed_in(core)
    request = users_pb2.UpdateUserRequest(
        user=users_pb2.User(user_id=str(other.user.user_id), email=core.fresh_email())
    )

    assert (await refused(core.users.UpdateUser(request, metadata=here))).reason == (
        "PERMISSION_DENIED"
    )


async def test_each_step_leaves_one_event(core):
    account, here = await signed_in(core)
    before = await core.event_count()

    await ask(core, here, core.fresh_email())
    assert await core.event_count() == before + 1
    await follow(core, await mailed(core, account))

    assert await core.event_count() == before + 2
    newest = (await core.events(subject_id=str(account.user.user_id)))[-1]
    assert (newest.action, newest.details) == ("auth.verify_email", {"changed": "email"})
