"""Signing in with a password: sessions, lockout, rehashing, step-up, changing the password."""

import asyncio
from datetime import timedelta

import grpc
import pytest

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from tests.server.running_core import (
    EDGE_SECRET,
    PASSWORD,
    bearer,
    core_settings,
    refusal,
    refused,
    running_core,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


def from_network(address: str, **more: str):
    """What the edge says about a browser."""
    stated = {"limen-edge-secret": EDGE_SECRET, "limen-client-network": address, **more}
    return {"metadata": tuple(stated.items())}


async def me(core, metadata):
    return await core.users.GetUser(users_pb2.GetUserRequest(user_id="me"), metadata=metadata)


async def test_tokens_open_the_door(core):
    account = await core.user()

    signed_in = await core.sign_in(account.user.email)

    assert (await me(core, bearer(signed_in))).user.user_id == str(account.user.user_id)
    assert signed_in.session.current
    assert list(signed_in.session.amr) == ["pwd"]
    assert signed_in.tokens.access_token_expire_time.ToDatetime() - (
        signed_in.session.create_time.ToDatetime()
    ) == pytest.approx(timedelta(minutes=10), abs=timedelta(seconds=1))


async def test_a_cookie_is_handed_over_beside_the_answer(core):
    account = await core.user()
    request = auth_pb2.SignInRequest(
        email=account.user.email,
        password=PASSWORD,
        delivery=auth_pb2.CREDENTIAL_DELIVERY_COOKIE,
    )

    call = core.auth.SignIn(request)
    answer, beside = await call, dict(await call.trailing_metadata())

    assert not answer.HasField("tokens")
    cookie = beside["limen-session-credential"]
    assert cookie not in str(answer)
    assert (await me(core, (("limen-session", cookie),))).user.email == account.user.email


async def test_addresses_are_compared_without_letter_case(core):
    account = await core.user()

    assert (await core.sign_in(account.user.email.upper())).user.email == account.user.email


async def test_wrong_password_and_unknown_address_look_the_same(core):
    known = (await core.user()).user.email

    answers = [
        await refused(core.sign_in(email, "wrong password")) for email in (known, "no@example.com")
    ]

    assert {answer.reason for answer in answers} == {"SIGN_IN_FAILED"}
    assert len({(answer.code, answer.localized, answer.details) for answer in answers}) == 1


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
async def test_a_hundred_parallel_guesses_get_ten_evaluations(core, known):
    email = (await core.user()).user.email if known else core.fresh_email()

    guesses = (core.sign_in(email, f"guess number {n}") for n in range(100))
    results = await asyncio.gather(*guesses, return_exceptions=True)
    reasons = [refusal(result).reason for result in results]

    assert reasons.count("SIGN_IN_FAILED") == 10
    assert reasons.count("SIGN_IN_LOCKED") == 90


async def test_a_locked_account_refuses_the_right_password_and_says_for_how_long(core):
    email = (await core.user()).user.email
    for _ in range(10):
        await refused(core.sign_in(email, "a wrong password"))

    locked = await refused(core.sign_in(email))
    core.clock.forward(seconds=61)

    assert locked.reason == "SIGN_IN_LOCKED"
    assert locked.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert locked.retry_seconds == pytest.approx(60, abs=2)
    assert (await core.sign_in(email)).session.session_id


async def test_a_stranger_cannot_lock_the_owner_out_of_a_known_network(core):
    email = (await core.user()).user.email
    home = from_network("192.0.2.7")
    await core.sign_in(email, **home)

    for stranger in range(60):
        await refused(core.sign_in(email, "guess", **from_network(f"198.51.100.{stranger}")))
    elsewhere = await refused(core.sign_in(email, **from_network("203.0.113.9")))

    assert elsewhere.reason == "SIGN_IN_LOCKED"
    assert (await core.sign_in(email, **home)).session.network == "192.0.2.7"


async def test_nobody_can_choose_a_network_without_the_secret_of_the_edge(core):
    email = (await core.user()).user.email
    forged = (("limen-client-network", "192.0.2.1"), ("x-forwarded-for", "192.0.2.1"))

    assert (await core.sign_in(email, metadata=forged)).session.network == "127.0.0.1"


async def test_an_administrator_can_unlock(core):
    account = await core.user()
    admin = await core.bearer("admin")
    for _ in range(10):
        await refused(core.sign_in(account.user.email, "a wrong password"))

    request = users_pb2.UnlockUserRequest(user_id=str(account.user.user_id))
    await core.users.UnlockUser(request, metadata=admin)

    assert (await core.sign_in(account.user.email)).session.session_id


async def test_a_disabled_account_is_told_to_its_owner_alone(core):
    account = await core.user()
    admin = await core.bearer("admin")
    request = users_pb2.DisableUserRequest(user_id=str(account.user.user_id))
    await core.users.DisableUser(request, metadata=admin)

    assert (await refused(core.sign_in(account.user.email))).reason == "ACCOUNT_DISABLED"
    assert (await refused(core.sign_in(account.user.email, "wrong"))).reason == "SIGN_IN_FAILED"


async def test_a_hash_of_older_parameters_is_renewed(core, database_url, valkey_url):
    account = await core.user()
    before = await core.sql("SELECT encoded FROM auth.passwords")

    async with running_core(core_settings(database_url, valkey_url, argon2_time=2)) as costlier:
        await costlier.sign_in(account.user.email)
        await costlier.sign_in(account.user.email)
    after = await core.sql(
        "SELECT encoded FROM auth.passwords WHERE user_id = :user_id",
        user_id=account.user.user_id,
    )

    assert all("t=1" in row[0] for row in before)
    assert "t=2" in after[0][0]


async def test_reauthentication_gives_the_session_a_new_id(core):
    account = await core.user()
    old = await core.sign_in(account.user.email)

    renewed = await core.auth.Reauthenticate(
        auth_pb2.ReauthenticateRequest(password=PASSWORD), metadata=bearer(old)
    )

    assert renewed.session.session_id != old.session.session_id
    assert (await refused(me(core, bearer(old)))).reason == "CREDENTIAL_INVALID"
    assert (await me(core, bearer(renewed))).user.email == account.user.email


async def change(core, metadata, current, new):
    request = auth_pb2.ChangePasswordRequest(current_password=current, new_password=new)
    return await core.auth.ChangePassword(request, metadata=metadata)


async def test_changing_the_password_ends_the_other_sessions(core):
    account = await core.user()
    here, there = [await core.sign_in(account.user.email) for _ in range(2)]

    await change(core, bearer(here), PASSWORD, "an entirely new password")

    assert (await me(core, bearer(here))).user.email == account.user.email
    assert (await refused(me(core, bearer(there)))).reason == "CREDENTIAL_INVALID"
    assert (await refused(core.sign_in(account.user.email))).reason == "SIGN_IN_FAILED"
    assert await core.sign_in(account.user.email, "an entirely new password")


async def test_a_wrong_current_password_counts_as_a_failed_sign_in(core):
    account = await core.user()
    here = bearer(await core.sign_in(account.user.email))

    reasons = [
        (await refused(change(core, here, "a wrong password", "an entirely new one"))).reason
        for _ in range(11)
    ]

    assert reasons == ["SIGN_IN_FAILED"] * 10 + ["SIGN_IN_LOCKED"]


async def test_the_excess_is_refused_with_a_hint_and_costs_no_attempt(database_url, valkey_url):
    settings = core_settings(
        database_url, valkey_url, hashing_queue=0, argon2_memory_kib=65536, argon2_time=3
    )
    async with running_core(settings) as core:
        emails = [(await core.user()).user.email for _ in range(5)]
        results = await asyncio.gather(
            *(core.sign_in(email) for email in emails * 8), return_exceptions=True
        )
        refusals = [refusal(each) for each in results if isinstance(each, Exception)]

        assert refusals
        assert {each.reason for each in refusals} == {"OVERLOADED"}
        assert all(each.retry_seconds and each.retry_seconds > 0 for each in refusals)
        assert all([await core.sign_in(email) for email in emails])


async def test_every_attempt_leaves_exactly_one_event(core):
    account = await core.user()
    email = account.user.email
    before = await core.event_count()

    await core.sign_in(email)
    await refused(core.sign_in(email, "a wrong password"))
    await refused(core.sign_in("nobody@example.com", "a wrong password"))

    events = (await core.events(action="auth.sign_in"))[-3:]
    assert await core.event_count() == before + 3
    assert [event.outcome for event in events] == ["success", "failure", "failure"]
    assert [event.subject_id for event in events] == [str(account.user.user_id)] * 2 + [""]
    assert not any("password" in str(event.details).lower() for event in events)
