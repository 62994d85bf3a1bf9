"""Signing in with a second factor: challenges, what answers them, and what voids them."""

import asyncio
from datetime import timedelta

import grpc
import pytest

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from server.auth import sweeps
from server.auth.one_time_tokens import Purpose
from server.caller import SYSTEM
from tests.server.auth.test_sign_in import from_network, me
from tests.server.factors.owner import COOKIE, WRONG, cookie_of, newcomer, verify, with_app
from tests.server.running_core import PASSWORD, bearer, core_settings, refused, running_core

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKENS = auth_pb2.CREDENTIAL_DELIVERY_TOKENS


async def test_password_and_app_open_the_door(core):
    owner = await with_app(core)

    challenge = await owner.challenge()
    answer = await verify(core, challenge.challenge_token, totp_code=owner.fresh_code())

    assert list(answer.session.amr) == ["pwd", "otp", "mfa"]
    assert answer.session.current
    assert answer.user.user_id == (await me(core, bearer(answer))).user.user_id == owner.user_id
    request = auth_pb2.IntrospectTokenRequest(token=answer.tokens.access_token)
    known = await core.auth.IntrospectToken(request, metadata=bearer(answer))
    assert (known.acr, list(known.amr)) == ("aal2", ["pwd", "otp", "mfa"])
    (factor,) = (await owner.factors()).factors
    assert factor.HasField("last_use_time")


async def test_a_challenge_says_what_answers_it_and_holds_nothing_else(core):
    owner = await with_app(core)
    request = auth_pb2.SignInRequest(email=owner.email, password=PASSWORD, delivery=COOKIE)

    call = core.auth.SignIn(request)
    answer, beside = await call, dict(await call.trailing_metadata())

    assert not answer.HasField("session")
    assert not answer.HasField("tokens")
    assert not answer.HasField("user")
    assert not any(key.startswith("limen-session") for key in beside)
    assert set(answer.challenge.factors) == {
        auth_pb2.SECOND_FACTOR_TOTP,
        auth_pb2.SECOND_FACTOR_RECOVERY_CODE,
    }
    life = answer.challenge.expire_time.ToDatetime() - core.clock.now().replace(tzinfo=None)
    assert timedelta(minutes=4) < life <= timedelta(minutes=5)


async def test_only_the_hash_of_the_token_is_kept(core):
    owner = await with_app(core)
    token = (await owner.challenge()).challenge_token

    rows = await core.sql(
        "SELECT challenges::text FROM auth.challenges WHERE user_id = :id", id=owner.user_id
    )

    assert len(rows) == 1
    assert token not in rows[0][0]
    assert len(token) == 43


async def test_a_challenge_token_is_no_credential(core):
    owner = await with_app(core)
    token = (await owner.challenge()).challenge_token

    for metadata in (
        (("authorization", f"Bearer {token}"),),
        (("limen-session", token),),
        (("limen-session", f"lms_{token}"),),
    ):
        assert (await refused(me(core, metadata))).reason == "CREDENTIAL_INVALID"
    refresh = auth_pb2.RefreshTokensRequest(refresh_token=token)
    assert (await refused(core.auth.RefreshTokens(refresh))).reason == "CREDENTIAL_INVALID"
    reset = auth_pb2.ResetPasswordRequest(token=token, new_password="a new one, long enough")
    assert (await refused(core.auth.ResetPassword(reset))).reason == "TOKEN_INVALID"


async def test_a_code_works_once_whatever_the_challenge(core):
    owner = await with_app(core)
    first, second = await owner.challenge(), await owner.challenge()
    code = owner.fresh_code()
    await verify(core, first.challenge_token, totp_code=code)

    answer = await refused(verify(core, second.challenge_token, totp_code=code))

    assert answer.reason == "FACTOR_REJECTED"
    # Nor does an older one that nobody has used.
    core.clock.forward(seconds=30)
    missed = owner.code()
    await verify(core, second.challenge_token, totp_code=owner.fresh_code())
    third = await owner.challenge()
    assert (await refused(verify(core, third.challenge_token, totp_code=missed))).reason == (
        "FACTOR_REJECTED"
    )


@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (-1, True), (1, True), (2, False)])
async def test_clocks_may_differ_by_one_step(core, steps, accepted):
    owner = await with_app(core)
    core.clock.forward(minutes=5)
    challenge = await owner.challenge()
    # A time step that has just begun will not end before the answer.
    core.clock.forward(seconds=30 - core.clock.now().timestamp() % 30)

    answer = verify(core, challenge.challenge_token, totp_code=owner.code(steps=steps))

    if accepted:
        assert (await answer).HasField("session")
    else:
        assert (await refused(answer)).reason == "FACTOR_REJECTED"


async def test_a_clock_that_goes_back_brings_no_code_back(core):
    owner = await with_app(core)
    core.clock.forward(minutes=10)
    code = owner.code()
    await verify(core, (await owner.challenge()).challenge_token, totp_code=code)

    core.clock.back_to_the_present()
    challenge = await owner.challenge()

    assert (
        await refused(verify(core, challenge.challenge_token, totp_code=owner.code()))
    ).reason == ("FACTOR_REJECTED")


async def test_a_challenge_works_once(core):
    owner = await with_app(core)
    token = (await owner.challenge()).challenge_token
    await verify(core, token, totp_code=owner.fresh_code())

    answer = await refused(verify(core, token, totp_code=owner.fresh_code()))

    assert (answer.code, answer.reason) == (grpc.StatusCode.UNAUTHENTICATED, "CHALLENGE_INVALID")


async def test_other_challenges_of_the_account_live_on(core):
    owner = await with_app(core)
    here, there = await owner.challenge(), await owner.challenge()

    await verify(core, here.challenge_token, totp_code=owner.fresh_code())
    await verify(core, there.challenge_token, totp_code=owner.fresh_code())


async def test_a_challenge_lives_five_minutes(core):
    owner = await with_app(core)
    early, late = await owner.challenge(), await owner.challenge()

    core.clock.forward(minutes=4)
    await verify(core, early.challenge_token, totp_code=owner.code())
    core.clock.forward(minutes=1)

    assert (await refused(verify(core, late.challenge_token, totp_code=owner.code()))).reason == (
        "CHALLENGE_INVALID"
    )


async def test_expired_challenges_are_swept(core):
    owner = await with_app(core)
    await owner.challenge()
    sweep = next(each for each in sweeps.sweeps() if each.name == "challenges")

    async def swept() -> int:
        async with core.domain.database.transaction() as tx:
            await tx.execute(sweep.statement(core.clock.now(), 1000))
        rows = await core.sql(
            "SELECT count(*) FROM auth.challenges WHERE user_id = :id", id=owner.user_id
        )
        return rows[0][0]

    assert await swept() == 1
    core.clock.forward(minutes=6)
    assert await swept() == 0


@pytest.mark.parametrize("token", ["x", "A" * 43, "-" * 128])
async def test_unknown_tokens(core, token):
    assert (await refused(verify(core, token, totp_code="123456"))).reason == "CHALLENGE_INVALID"


async def test_what_is_no_proof_is_refused_before_anything_is_counted(core):
    owner = await with_app(core)
    token = (await owner.challenge()).challenge_token

    for proof in (
        {},
        {"totp_code": "12345"},
        {"totp_code": "1234567"},
        {"totp_code": "１２３４５６"},  # noqa: RUF001 - digits that are none to the contract
        {"recovery_code": ""},
        {"recovery_code": "A" * 65},
        {"recovery_code": "AAAA_AAAA"},
    ):
        assert (await refused(verify(core, token, **proof))).reason == "INVALID_REQUEST"


async def test_the_factor_of_somebody_else_answers_nothing(core):
    owner, stranger = await with_app(core), await with_app(core)
    token = (await owner.challenge()).challenge_token

    for proof in (
        {"totp_code": stranger.fresh_code()},
        {"recovery_code": stranger.recovery_codes[0]},
    ):
        assert (await refused(verify(core, token, **proof))).reason == "FACTOR_REJECTED"
    assert (await stranger.factors()).recovery_codes_left == 10


async def test_a_recovery_code_works_once_however_it_is_written(core):
    owner = await with_app(core)
    code = owner.recovery_codes[3]

    token = (await owner.challenge()).challenge_token
    answer = await verify(core, token, recovery_code=f" {code.lower().replace('-', '  ')} ")

    assert list(answer.session.amr) == ["pwd", "otp", "mfa"]
    assert (await owner.factors()).recovery_codes_left == 9
    token = (await owner.challenge()).challenge_token
    assert (await refused(verify(core, token, recovery_code=code))).reason == "FACTOR_REJECTED"
    await verify(core, token, recovery_code=owner.recovery_codes[4])


async def test_used_up_recovery_codes_are_not_offered(core):
    owner = await with_app(core)
    for code in owner.recovery_codes:
        await verify(core, (await owner.challenge()).challenge_token, recovery_code=code)

    assert list((await owner.challenge()).factors) == [auth_pb2.SECOND_FACTOR_TOTP]


async def test_fifty_answers_to_one_challenge_open_one_session(core):
    owner = await with_app(core)
    token, code = (await owner.challenge()).challenge_token, owner.fresh_code()

    answers = await asyncio.gather(
        *(verify(core, token, totp_code=code) for _ in range(50)), return_exceptions=True
    )

    assert sum(isinstance(each, auth_pb2.VerifySignInResponse) for each in answers) == 1
    rows = await core.sql(
        "SELECT session_id FROM auth.sessions WHERE user_id = :id AND 'mfa' = ANY(amr)",
        id=owner.user_id,
    )
    assert len(rows) == 2  # the other one is that in which the app was confirmed


@pytest.mark.parametrize("kind", ["totp_code", "recovery_code"])
async def test_one_code_for_fifty_challenges_opens_one_session(core, kind):
    owner = await with_app(core)
    tokens = [(await owner.challenge()).challenge_token for _ in range(50)]
    code = owner.fresh_code() if kind == "totp_code" else owner.recovery_codes[0]

    answers = await asyncio.gather(
        *(verify(core, token, **{kind: code}) for token in tokens), return_exceptions=True
    )

    assert sum(isinstance(each, auth_pb2.VerifySignInResponse) for each in answers) == 1


async def test_several_cores_accept_a_code_once(core, database_url, valkey_url):
    owner = await with_app(core)
    tokens = [(await owner.challenge()).challenge_token for _ in range(20)]
    code = owner.code(steps=1)

    async with running_core(core_settings(database_url, valkey_url)) as another:
        answers = await asyncio.gather(
            *(
                verify(each, token, totp_code=code)
                for each, token in zip([core, another] * 10, tokens, strict=True)
            ),
            return_exceptions=True,
        )

    assert sum(isinstance(each, auth_pb2.VerifySignInResponse) for each in answers) == 1


async def test_a_hundred_guesses_at_once_are_evaluated_no_more_often_than_allowed(core):
    owner = await with_app(core)
    tokens = [(await owner.challenge()).challenge_token for _ in range(4)]

    answers = await asyncio.gather(
        *(refused(verify(core, tokens[n % 4], totp_code=WRONG)) for n in range(100))
    )

    reasons = [answer.reason for answer in answers]
    assert reasons.count("FACTOR_REJECTED") == 5
    assert reasons.count("SIGN_IN_LOCKED") == 95
    locked = await refused(verify(core, tokens[0], totp_code=owner.fresh_code()))
    assert locked.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert 0 < locked.retry_seconds <= 60
    events = await core.events(action="auth.verify_sign_in", subject_id=owner.user_id)
    assert sorted({(each.outcome, each.details["reason"]) for each in events}) == [
        ("denied", "SIGN_IN_LOCKED"),
        ("failure", "FACTOR_REJECTED"),
    ]
    # It was the factor that was guessed: the password still leads to a challenge, and back in.
    core.clock.forward(minutes=2)
    await owner.sign_in()


async def test_guesses_from_many_networks_count_together(core):
    owner = await with_app(core)
    token = (await owner.challenge()).challenge_token

    reasons = [
        (
            await refused(
                core.auth.VerifySignIn(
                    auth_pb2.VerifySignInRequest(challenge_token=token, totp_code=WRONG),
                    **from_network(f"203.0.113.{number}"),
                )
            )
        ).reason
        for number in range(15)
    ]

    assert reasons == ["FACTOR_REJECTED"] * 10 + ["SIGN_IN_LOCKED"] * 5


async def test_an_administrator_unlocks_the_factor_as_well(core):
    owner = await with_app(core)
    token = (await owner.challenge()).challenge_token
    for _ in range(5):
        await refused(verify(core, token, totp_code=WRONG))
    assert (await refused(verify(core, token, totp_code=owner.fresh_code()))).reason == (
        "SIGN_IN_LOCKED"
    )

    await core.domain.users.unlock(SYSTEM, owner.account.user.user_id)

    await verify(core, token, totp_code=owner.fresh_code())


async def test_strangers_cannot_lock_the_factor(core):
    owner = await with_app(core)

    for _ in range(20):
        await refused(verify(core, "A" * 43, totp_code=WRONG))

    await owner.sign_in()


async def test_credentials_come_as_the_last_step_says_else_as_the_first(core):
    owner = await with_app(core)
    for first, last, is_cookie in (
        (TOKENS, 0, False),
        (COOKIE, 0, True),
        (COOKIE, TOKENS, False),
        (TOKENS, COOKIE, True),
    ):
        token = (await owner.challenge(first)).challenge_token
        request = auth_pb2.VerifySignInRequest(
            challenge_token=token, totp_code=owner.fresh_code(), delivery=last
        )

        call = core.auth.VerifySignIn(request)
        answer, beside = await call, await call.trailing_metadata()

        assert answer.HasField("tokens") is not is_cookie
        here = cookie_of(beside) if is_cookie else bearer(answer)
        assert (await me(core, here)).user.user_id == owner.user_id


async def test_a_new_password_voids_challenges(core):
    owner = await with_app(core)
    token = (await owner.challenge()).challenge_token
    change = auth_pb2.ChangePasswordRequest(
        current_password=PASSWORD, new_password="another one, long enough"
    )
    await core.auth.ChangePassword(change, metadata=owner.here)

    assert (await refused(verify(core, token, totp_code=owner.fresh_code()))).reason == (
        "CHALLENGE_INVALID"
    )


async def test_a_reset_password_voids_challenges_and_spares_the_factor(core):
    owner = await with_app(core)
    token = (await owner.challenge()).challenge_token
    async with core.domain.database.transaction() as tx:
        await core.domain.letters.send_token(
            tx,
            owner.account.user.user_id,
            Purpose.RESET_PASSWORD,
            template=Purpose.RESET_PASSWORD.value,
        )
    mailed = await core.mailed_token(owner.email, "reset_password")
    await core.auth.ResetPassword(
        auth_pb2.ResetPasswordRequest(token=mailed, new_password="another one, long enough")
    )

    assert (await refused(verify(core, token, totp_code=owner.fresh_code()))).reason == (
        "CHALLENGE_INVALID"
    )
    again = await core.sign_in(owner.email, "another one, long enough")
    assert again.HasField("challenge")


async def test_disabling_an_account_voids_challenges_for_good(core):
    owner = await with_app(core)
    token = (await owner.challenge()).challenge_token
    admin = await core.bearer("admin")
    await core.users.DisableUser(
        users_pb2.DisableUserRequest(user_id=owner.user_id), metadata=admin
    )

    assert (await refused(verify(core, token, totp_code=owner.fresh_code()))).reason == (
        "CHALLENGE_INVALID"
    )
    await core.users.EnableUser(users_pb2.EnableUserRequest(user_id=owner.user_id), metadata=admin)
    assert (await refused(verify(core, token, totp_code=owner.fresh_code()))).reason == (
        "CHALLENGE_INVALID"
    )


async def test_each_step_leaves_its_event(core):
    owner = await newcomer(core)
    before = await core.events(subject_id=owner.user_id, action="auth.sign_in")
    await owner.enroll()
    await owner.confirm()

    await owner.sign_in()

    first = (await core.events(subject_id=owner.user_id, action="auth.sign_in"))[len(before) :]
    second = await core.events(subject_id=owner.user_id, action="auth.verify_sign_in")
    assert [(each.outcome, each.actor_type, set(each.details)) for each in first] == [
        ("success", "anonymous", {"challenge"})
    ]
    assert [(each.outcome, each.actor_id, each.details) for each in second] == [
        ("success", owner.user_id, {"session": owner.session_id})
    ]
