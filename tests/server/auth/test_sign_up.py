"""Opening accounts, and what a stranger can and cannot learn or do by it."""

import asyncio

import grpc
import pytest

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from tests.server.running_core import EDGE_SECRET, PASSWORD, refused

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

    assert early.reason == "SIGN_IN_FAILED"
    assert early.code is grpc.StatusCode.UNAUTHENTICATED
    assert signed_in.user.email_verified
    assert (signed_in.user.display_name, signed_in.user.locale) == ("Ada", "de")


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


def from_network(address: str):
    stated = {"limen-edge-secret": EDGE_SECRET, "limen-client-network": address}
    return {"metadata": tuple(stated.items())}


async def test_signing_up_and_in_does_not_tell_whether_there_was_an_account(core):
    known, unknown = (await core.user()).user.email, core.fresh_email()
    for email in (known, unknown):
        await sign_up(core, email, "the password of a stranger")

    answers = [
        await refused(core.sign_in(email, "the password of a stranger"))
        for email in (known, unknown)
    ]

    assert {each.reason for each in answers} == {"SIGN_IN_FAILED"}
    assert await core.sign_in(known), "the owner is not disturbed"


async def test_signing_up_twice_from_one_place_is_one_sign_up(core):
    email = core.fresh_email()
    for name in ("First", "Second"):
        await sign_up(core, email, display_name=name)

    await verify(core, await core.mailed_token(email))

    assert (await core.sign_in(email)).user.display_name == "Second"


async def test_nobody_slips_a_password_into_an_account_that_somebody_else_confirms(core):
    email = core.fresh_email()
    links = []
    for network, password in (
        ("192.0.2.1", "the password of the owner"),
        ("198.51.100.1", "the password of a stranger"),
    ):
        request = auth_pb2.SignUpRequest(email=email, password=password)
        await core.auth.SignUp(request, **from_network(network))
        links.append(await core.mailed_token(email))

    await verify(core, links[1])

    for password in ("the password of the owner", "the password of a stranger"):
        assert (await refused(core.sign_in(email, password))).reason == "SIGN_IN_FAILED"
    assert (await refused(verify(core, links[0]))).reason == "TOKEN_INVALID"
    reset = auth_pb2.ResetPasswordRequest(
        token=await core.mailed_token(email, "reset_password"),
        new_password="what the owner chose by mail",
    )
    await core.auth.ResetPassword(reset)
    assert await core.sign_in(email, "what the owner chose by mail")


async def test_a_password_in_force_is_not_replaced_by_a_sign_up(core):
    email = core.fresh_email()
    admin = await core.bearer("admin")
    request = users_pb2.CreateUserRequest(email=email, password=PASSWORD)
    await core.users.CreateUser(request, metadata=admin)
    await sign_up(core, email, "the password of a stranger")

    await verify(core, await core.mailed_token(email))

    assert await core.sign_in(email)
    assert (await refused(core.sign_in(email, "the password of a stranger"))).reason


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
