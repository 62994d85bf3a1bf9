"""Opening accounts, and what a stranger can and cannot learn or do by it."""

import asyncio

import grpc
import pytest

from limen.auth.v1 import auth_pb2
from tests.server.running_core import PASSWORD, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def sign_up(core, email, password=PASSWORD, **fields):
    return await core.auth.SignUp(auth_pb2.SignUpRequest(email=email, password=password, **fields))


async def verify(core, token):
    return await core.auth.VerifyEmail(auth_pb2.VerifyEmailRequest(token=token))


async def test_an_account_can_be_used_once_its_address_is_confirmed(core):
    email = core.fresh_email()
    await sign_up(core, email, display_name="Ada", locale="de")

    early = await refused(core.sign_in(email))
    await verify(core, await core.mailed_token(email))
    signed_in = await core.sign_in(email)

    assert early.reason == "EMAIL_NOT_VERIFIED"
    assert early.code is grpc.StatusCode.FAILED_PRECONDITION
    assert signed_in.user.email_verified
    assert (signed_in.user.display_name, signed_in.user.locale) == ("Ada", "de")


async def test_the_wrong_password_does_not_tell_that_an_address_is_unconfirmed(core):
    email = core.fresh_email()
    await sign_up(core, email)

    assert (await refused(core.sign_in(email, "not the password"))).reason == "SIGN_IN_FAILED"


async def test_known_and_unknown_addresses_are_answered_alike(core):
    known = (await core.user()).user.email

    answers = [await sign_up(core, email) for email in (known, core.fresh_email())]

    assert answers[0] == answers[1] == auth_pb2.SignUpResponse()


async def test_the_owner_of_a_known_address_is_told(core):
    account = await core.user()

    await sign_up(core, account.user.email.upper())

    letters = await core.sql(
        "SELECT args->>'template' FROM jobs.outbox WHERE args->>'user_id' = :user_id",
        user_id=str(account.user.user_id),
    )
    assert [letter[0] for letter in letters] == ["sign_up_notice"]


async def test_a_known_address_keeps_its_password(core):
    account = await core.user()

    await sign_up(core, account.user.email, "another long password")

    assert (await core.sign_in(account.user.email)).user.email == account.user.email
    await refused(core.sign_in(account.user.email, "another long password"))


async def test_signing_up_and_in_does_not_tell_whether_there_was_an_account(core):
    known, unknown = (await core.user()).user.email, core.fresh_email()
    for email in (known, unknown):
        await sign_up(core, email, "the password of a stranger")

    right = [await refused(core.sign_in(e, "the password of a stranger")) for e in (known, unknown)]
    wrong = [await refused(core.sign_in(e, "something else entirely")) for e in (known, unknown)]

    assert {each.reason for each in right} == {"EMAIL_NOT_VERIFIED"}
    assert {each.reason for each in wrong} == {"SIGN_IN_FAILED"}
    assert await core.sign_in(known), "the owner is not disturbed"


async def test_confirming_does_not_show_in_what_others_registered(core):
    email = core.fresh_email()
    await sign_up(core, email, "the password of the owner")
    owners_link = await core.mailed_token(email)
    await sign_up(core, email, "the password of a stranger")
    await verify(core, owners_link)

    answer = await refused(core.sign_in(email, "the password of a stranger"))

    assert answer.reason == "EMAIL_NOT_VERIFIED"
    assert await core.sign_in(email, "the password of the owner")


async def test_each_sign_up_keeps_its_own_password_until_its_own_link_is_followed(core):
    email = core.fresh_email()
    await sign_up(core, email, "the password of the owner", display_name="Owner")
    owners_link = await core.mailed_token(email)
    await sign_up(core, email, "the password of a stranger", display_name="Stranger")
    strangers_link = await core.mailed_token(email)

    await verify(core, owners_link)

    assert (await core.sign_in(email, "the password of the owner")).user.display_name == "Owner"
    await refused(core.sign_in(email, "the password of a stranger"))
    assert (await refused(verify(core, strangers_link))).reason == "TOKEN_INVALID"


async def test_one_of_fifty_parallel_confirmations_wins(core):
    email = core.fresh_email()
    await sign_up(core, email)
    token = await core.mailed_token(email)

    results = await asyncio.gather(
        *(verify(core, token) for _ in range(50)), return_exceptions=True
    )

    assert sum(not isinstance(result, Exception) for result in results) == 1


async def test_fifty_parallel_sign_ups_open_one_account(core):
    email = core.fresh_email()

    await asyncio.gather(*(sign_up(core, email) for _ in range(50)))

    rows = await core.sql("SELECT count(*) FROM users.users WHERE email_key = :email", email=email)
    assert rows[0][0] == 1


async def test_a_confirmation_link_expires(core):
    email = core.fresh_email()
    await sign_up(core, email)
    token = await core.mailed_token(email)

    core.clock.forward(hours=24)

    assert (await refused(verify(core, token))).reason == "TOKEN_INVALID"


@pytest.mark.parametrize("token", ["x", "A" * 43, "_" * 128])
async def test_a_made_up_link_confirms_nothing(core, token):
    answer = await refused(verify(core, token))

    assert answer.reason == "TOKEN_INVALID"
    assert answer.faults == {"token": "token.invalid"}


@pytest.mark.parametrize(
    ("password", "rule"),
    [("password123", "password.common"), ("limen-limits", "password.product_name")],
)
async def test_a_weak_password_is_refused_by_name(core, password, rule):
    answer = await refused(sign_up(core, core.fresh_email(), password))

    assert answer.reason == "PASSWORD_TOO_WEAK"
    assert answer.faults == {"password": rule}


async def test_the_owners_name_is_no_password(core):
    answer = await refused(sign_up(core, "kazimiera@example.com", "kazimiera77", display_name="K."))

    assert answer.faults == {"password": "password.own_name"}


async def test_resending_is_left_to_the_worker_for_known_and_unknown_alike(core):
    for email in (core.fresh_email(), (await core.user()).user.email):
        request = auth_pb2.ResendEmailVerificationRequest(email=email)
        await core.auth.ResendEmailVerification(request)

    jobs = await core.sql(
        "SELECT args::text FROM jobs.outbox WHERE kind = 'auth.resend_verification'"
    )
    assert len(jobs) == 2
    assert all("example.com" not in job[0] for job in jobs), "no address stands in the outbox"
