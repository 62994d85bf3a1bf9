"""Signing in with passkeys, alone and after a password, and everything but that."""

import asyncio

import pytest
import pytest_asyncio
from google.protobuf.json_format import MessageToDict

from limen.auth.v1 import auth_pb2
from limen.factors.v1 import factors_pb2
from limen.users.v1 import users_pb2
from server.platform.vault import encode
from tests.server.factors.authenticator import (
    BACKED_UP,
    BACKUP_ELIGIBLE,
    ES256,
    GOOD,
    Authenticator,
)
from tests.server.factors.passkey_owner import (
    begin_sign_in,
    finish_sign_in,
    last_event,
    newcomer,
    passkey_row,
    show,
)
from tests.server.running_core import PASSWORD, bearer, refusal, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUBLIC_ORIGIN = "http://127.0.0.1:8080"


@pytest_asyncio.fixture(loop_scope="module")
async def ada(core):
    return await newcomer(core)


@pytest_asyncio.fixture(loop_scope="module")
async def eve(core):
    return await newcomer(core)


async def test_a_passkey_alone_signs_in_with_two_factors(core, ada):
    authenticator = await ada.add(Authenticator(ES256, counter=7, origin=PUBLIC_ORIGIN))

    signed_in = await show(core, authenticator)

    assert signed_in.user.email == ada.email
    assert list(signed_in.session.amr) == ["hwk", "user", "mfa"]
    request = auth_pb2.IntrospectTokenRequest(token=signed_in.tokens.access_token)
    claims = await core.auth.IntrospectToken(request, metadata=bearer(signed_in))
    assert (claims.active, claims.acr) == (True, "aal2")
    row = await passkey_row(core, authenticator)
    assert row.sign_count == 8
    assert row.last_use_time is not None
    event = await last_event(core, "auth.passkey_sign_in")
    assert (event.outcome, event.actor_id) == ("success", str(ada.user_id))


async def test_a_passkey_that_was_backed_up_since_says_so(core, ada):
    authenticator = await ada.add(Authenticator(flags=GOOD | BACKUP_ELIGIBLE))

    authenticator.flags |= BACKED_UP
    signed_in = await show(core, authenticator)

    assert list(signed_in.session.amr) == ["swk", "user", "mfa"]
    assert (await passkey_row(core, authenticator)).backed_up


async def test_a_cookie_is_handed_over_beside_the_answer(core, ada):
    authenticator = await ada.add()
    begun = await begin_sign_in(core)
    answer = authenticator.show(MessageToDict(begun.options))

    call = finish_sign_in(core, begun, answer, delivery=auth_pb2.CREDENTIAL_DELIVERY_COOKIE)
    signed_in, beside = await call, dict(await call.trailing_metadata())

    assert not signed_in.HasField("tokens")
    cookie = (("limen-session", beside["limen-session-credential"]),)
    me = await core.users.GetUser(users_pb2.GetUserRequest(user_id="me"), metadata=cookie)
    assert me.user.email == ada.email


async def challenge(core, owner):
    request = auth_pb2.SignInRequest(email=owner.email, password=PASSWORD)
    return (await core.auth.SignIn(request)).challenge


async def test_a_passkey_answers_the_challenge_of_a_sign_in(core, ada, eve):
    authenticator = await ada.add()
    await eve.add()

    asked = await challenge(core, ada)
    begun = await begin_sign_in(core, asked.challenge_token)
    options = MessageToDict(begun.options)
    # An authenticator need not say whose passkey it is when it was told which to use.
    signed_in = await finish_sign_in(core, begun, authenticator.show(options, user_handle=b""))

    assert auth_pb2.SECOND_FACTOR_PASSKEY in asked.factors
    allowed = [each["id"] for each in options["allowCredentials"]]
    assert allowed == [encode(authenticator.credential_id)]
    assert list(signed_in.session.amr) == ["pwd", "hwk", "user", "mfa"]
    used = await refused(begin_sign_in(core, asked.challenge_token))
    assert used.reason == "CHALLENGE_INVALID"


async def test_a_passkey_answers_the_challenge_of_a_step_up(core, ada):
    authenticator = await ada.add()
    request = auth_pb2.ReauthenticateRequest(password=PASSWORD)
    asked = (await core.auth.Reauthenticate(request, metadata=ada.metadata)).challenge

    signed_in = await show(core, authenticator, challenge_token=asked.challenge_token)

    old = core.users.GetUser(users_pb2.GetUserRequest(user_id="me"), metadata=ada.metadata)
    assert (await refused(old)).reason == "CREDENTIAL_INVALID"
    assert signed_in.user.email == ada.email


async def test_a_challenge_is_answered_once_whatever_the_ceremonies(core, ada):
    authenticator = await ada.add()
    asked = await challenge(core, ada)
    first, second = [await begin_sign_in(core, asked.challenge_token) for _ in range(2)]

    await finish_sign_in(core, first, authenticator.show(MessageToDict(first.options)))
    late = authenticator.show(MessageToDict(second.options))

    assert (await refused(finish_sign_in(core, second, late))).reason == "CHALLENGE_INVALID"


async def test_the_challenge_of_somebody_else_is_not_answered(core, ada, eve):
    await ada.add()
    own = await eve.add()
    asked = await challenge(core, ada)

    answer = await refused(show(core, own, challenge_token=asked.challenge_token))

    assert answer.reason == "FACTOR_REJECTED"
    event = await last_event(core, "auth.passkey_sign_in")
    assert event.subject_id == str(ada.user_id)
    assert event.details["cause"] == "credential of another account"


@pytest.mark.parametrize("token", ["made-up", "A" * 43])
async def test_a_made_up_challenge_begins_nothing(core, token):
    assert (await refused(begin_sign_in(core, token))).reason == "CHALLENGE_INVALID"


async def test_fifty_answers_to_one_ceremony_open_one_session(core, ada):
    authenticator = await ada.add()
    begun = await begin_sign_in(core)
    answer = authenticator.show(MessageToDict(begun.options))

    results = await asyncio.gather(
        *(finish_sign_in(core, begun, answer) for _ in range(50)), return_exceptions=True
    )

    lost = [refusal(each).reason for each in results if isinstance(each, Exception)]
    assert lost == ["CHALLENGE_INVALID"] * 49


async def test_an_answer_to_one_ceremony_is_none_to_another(core, ada):
    authenticator = await ada.add()
    first, second = await begin_sign_in(core), await begin_sign_in(core)
    registration = await ada.begin()
    answer = authenticator.show(MessageToDict(first.options))
    new = Authenticator().make(MessageToDict(registration.options))

    swapped = await refused(finish_sign_in(core, second, answer))
    crossed = await refused(finish_sign_in(core, registration, answer))
    other_kind = await refused(finish_sign_in(core, await begin_sign_in(core), new))
    crossed_back = await refused(ada.finish(await begin_sign_in(core), new))

    assert swapped.reason == "FACTOR_REJECTED"
    assert crossed.reason == "CHALLENGE_INVALID"
    assert other_kind.reason == "FACTOR_REJECTED"
    assert crossed_back.reason == "CHALLENGE_INVALID"


async def test_a_counter_that_went_back_is_refused_and_told(core, ada):
    authenticator = await ada.add(Authenticator(counter=5))
    await show(core, authenticator)

    answer = await refused(show(core, authenticator, counter=6))

    assert answer.reason == "FACTOR_REJECTED"
    event = await last_event(core, "auth.passkey_sign_in")
    assert event.outcome == "failure"
    row = await passkey_row(core, authenticator)
    assert event.details["cause"] == "signature counter went back"
    assert event.details["factor"] == str(row.factor_id)
    assert row.sign_count == 6
    assert (await show(core, authenticator, counter=7)).session.session_id


async def test_known_and_unknown_passkeys_are_refused_alike(core, ada):
    authenticator = await ada.add()

    known = await refused(show(core, authenticator, signature=b"wrong"))
    unknown = await refused(show(core, Authenticator(user_handle=ada.user_id.bytes)))

    assert known.reason == "FACTOR_REJECTED"
    assert (known.code, known.localized, known.details) == (
        unknown.code,
        unknown.localized,
        unknown.details,
    )


async def test_a_passkey_counts_only_with_the_user_it_was_made_for(core, ada, eve):
    authenticator = await ada.add()

    for handle in (eve.user_id.bytes, b"", b"x"):
        answer = await refused(show(core, authenticator, user_handle=handle))
        assert answer.reason == "FACTOR_REJECTED"


async def test_failures_lock_and_the_right_passkey_waits_too(core, ada):
    authenticator = await ada.add()
    reasons = [
        (await refused(show(core, authenticator, origin="https://evil.example"))).reason
        for _ in range(6)
    ]

    locked = await refused(show(core, authenticator))
    core.clock.forward(seconds=61)

    assert reasons == ["FACTOR_REJECTED"] * 5 + ["SIGN_IN_LOCKED"]
    assert locked.reason == "SIGN_IN_LOCKED"
    assert locked.retry_seconds > 0
    assert (await last_event(core, "auth.passkey_sign_in")).outcome == "denied"
    assert (await show(core, authenticator)).session.session_id


async def test_wrong_passwords_do_not_keep_a_passkey_out(core, ada):
    authenticator = await ada.add()
    for _ in range(11):
        await refused(core.sign_in(ada.email, "a wrong password"))

    assert (await show(core, authenticator)).session.session_id


async def test_an_account_that_cannot_be_used_is_told_to_its_owner_alone(core, ada):
    authenticator = await ada.add()
    await core.sql("UPDATE users.users SET state = 'disabled' WHERE user_id = :id", id=ada.user_id)

    right = await refused(show(core, authenticator))
    wrong = await refused(show(core, authenticator, signature=b"wrong"))

    assert (right.reason, wrong.reason) == ("ACCOUNT_DISABLED", "FACTOR_REJECTED")
    assert (await passkey_row(core, authenticator)).last_use_time is None


async def test_an_address_that_is_not_confirmed_opens_nothing(core, ada):
    authenticator = await ada.add()
    await core.sql(
        "UPDATE users.users SET email_verified = false WHERE user_id = :id", id=ada.user_id
    )

    assert (await refused(show(core, authenticator))).reason == "EMAIL_NOT_VERIFIED"


async def test_a_removed_passkey_opens_nothing(core, ada):
    authenticator = await ada.add()
    factor = (await ada.factors()).factors[0]
    request = factors_pb2.DeleteFactorRequest(factor_id=factor.factor_id)
    await core.factors.DeleteFactor(request, metadata=ada.metadata)

    assert (await refused(show(core, authenticator))).reason == "FACTOR_REJECTED"
    assert (await core.sign_in(ada.email)).session.session_id
