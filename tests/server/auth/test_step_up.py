"""Renewing the proof within a session, with and without a second factor."""

import asyncio
from dataclasses import replace

import pytest

from limen.auth.v1 import auth_pb2
from tests.server.auth.test_sign_in import me
from tests.server.factors.owner import WRONG, by_cookie, cookie_of, newcomer, verify, with_app
from tests.server.running_core import PASSWORD, bearer, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def reauthenticate(owner, password: str = PASSWORD, **proof):
    request = auth_pb2.ReauthenticateRequest(password=password, **proof)
    return await owner.core.auth.Reauthenticate(request, metadata=owner.here)


async def is_over(owner) -> bool:
    return (await refused(me(owner.core, owner.here))).reason == "CREDENTIAL_INVALID"


@pytest.mark.parametrize("kind", ["totp_code", "recovery_code"])
async def test_in_one_call(core, kind):
    owner = await with_app(core)
    proof = owner.fresh_code() if kind == "totp_code" else owner.recovery_codes[0]

    answer = await reauthenticate(owner, **{kind: proof})

    assert answer.session.session_id != owner.session_id
    assert list(answer.session.amr) == ["pwd", "otp", "mfa"]
    assert not answer.HasField("challenge")
    assert await is_over(owner)
    assert (await me(core, bearer(answer))).user.user_id == owner.user_id
    (event,) = await core.events(action="auth.reauthenticate", subject_id=owner.user_id)
    assert (event.outcome, event.details) == ("success", {"session": answer.session.session_id})


async def test_in_two_calls(core):
    owner = await with_app(core)

    asked = await reauthenticate(owner)

    assert not asked.HasField("session")
    assert (await me(core, owner.here)).user.user_id == owner.user_id
    answer = await verify(core, asked.challenge.challenge_token, totp_code=owner.fresh_code())
    assert answer.session.session_id != owner.session_id
    assert await is_over(owner)
    rows = await core.sql(
        "SELECT revoke_reason FROM auth.sessions WHERE session_id = :id", id=owner.session_id
    )
    assert rows[0][0] == "reauthenticated"


async def test_who_has_no_factor_needs_none(core):
    owner = await newcomer(core)

    answer = await reauthenticate(owner, totp_code="123456")

    assert list(answer.session.amr) == ["pwd"]
    assert await is_over(owner)


async def test_a_cookie_stays_a_cookie(core):
    owner = await by_cookie(core)
    await owner.enroll()
    await owner.confirm()
    asked = await reauthenticate(owner)

    # Tokens would be within reach of scripts, which a cookie is not.
    request = auth_pb2.VerifySignInRequest(
        challenge_token=asked.challenge.challenge_token,
        totp_code=owner.fresh_code(),
        delivery=auth_pb2.CREDENTIAL_DELIVERY_TOKENS,
    )
    call = core.auth.VerifySignIn(request)

    assert not (await call).HasField("tokens")
    assert (await me(core, cookie_of(await call.trailing_metadata()))).user.email == owner.email


async def test_a_wrong_password_is_told_before_any_code_is_looked_at(core):
    owner = await with_app(core)
    code = owner.fresh_code()

    assert (await refused(reauthenticate(owner, "wrong", totp_code=code))).reason == (
        "SIGN_IN_FAILED"
    )
    await reauthenticate(owner, totp_code=code)


async def test_a_wrong_code_ends_nothing(core):
    owner = await with_app(core)

    assert (await refused(reauthenticate(owner, totp_code=WRONG))).reason == "FACTOR_REJECTED"

    assert (await me(core, owner.here)).user.user_id == owner.user_id
    (event,) = await core.events(action="auth.reauthenticate", subject_id=owner.user_id)
    assert (event.outcome, event.details) == ("failure", {"reason": "FACTOR_REJECTED"})


async def test_a_code_of_a_sign_in_is_none_for_a_step_up(core):
    owner = await with_app(core)
    code = owner.fresh_code()
    await verify(core, (await owner.challenge()).challenge_token, totp_code=code)

    assert (await refused(reauthenticate(owner, totp_code=code))).reason == "FACTOR_REJECTED"


async def test_guesses_at_step_ups_and_sign_ins_count_together(core):
    owner = await with_app(core)
    token = (await owner.challenge()).challenge_token
    for _ in range(3):
        await refused(verify(core, token, totp_code=WRONG))
    for _ in range(2):
        await refused(reauthenticate(owner, totp_code=WRONG))

    assert (await refused(reauthenticate(owner, totp_code=owner.fresh_code()))).reason == (
        "SIGN_IN_LOCKED"
    )


async def test_a_session_that_ended_is_not_replaced(core):
    owner = await with_app(core)
    token = (await reauthenticate(owner)).challenge.challenge_token
    await core.auth.SignOut(auth_pb2.SignOutRequest(), metadata=owner.here)

    assert (await refused(verify(core, token, totp_code=owner.fresh_code()))).reason == (
        "CHALLENGE_INVALID"
    )


async def test_of_many_step_ups_at_once_one_replaces_the_session(core):
    owner = await with_app(core)
    codes = owner.recovery_codes

    answers = await asyncio.gather(
        *(reauthenticate(owner, recovery_code=code) for code in codes), return_exceptions=True
    )

    opened = [each for each in answers if isinstance(each, auth_pb2.ReauthenticateResponse)]
    assert len(opened) == 1
    rows = await core.sql(
        "SELECT session_id FROM auth.sessions WHERE user_id = :id AND revoke_time IS NULL",
        id=owner.user_id,
    )
    assert [str(row[0]) for row in rows] == [opened[0].session.session_id]


async def test_a_session_from_before_the_factor_steps_up_to_it(core):
    owner = await newcomer(core)
    elsewhere = bearer(await core.sign_in(owner.email))
    await owner.enroll()
    await owner.confirm()
    before = replace(owner, here=elsewhere)
    assert (await refused(before.delete())).reason == "ASSURANCE_TOO_LOW"

    before.here = bearer(await reauthenticate(before, totp_code=owner.fresh_code()))

    await before.delete()
