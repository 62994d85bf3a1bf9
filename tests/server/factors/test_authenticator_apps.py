"""Adding an authenticator app: what is shown, what confirms it, and what comes with the first."""

import asyncio
import base64
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from limen.factors.v1 import factors_pb2
from server.factors import totp
from tests.server.factors.owner import WRONG, by_cookie, give_passkey, newcomer, verify, with_app
from tests.server.running_core import bearer, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_secret_is_shown_once_and_kept_sealed(core):
    owner = await newcomer(core)

    enrolled = await owner.enroll()

    link = urlsplit(enrolled.otpauth_uri)
    assert unquote(link.path) == f"/127.0.0.1:{owner.email}"
    assert parse_qs(link.query)["secret"] == [enrolled.secret]
    assert len(base64.b32decode(enrolled.secret)) == 20
    sealed = (
        await core.sql(
            "SELECT sealed FROM factors.totps WHERE factor_id = :id", id=enrolled.factor_id
        )
    )[0][0]
    assert owner.secret not in sealed
    assert enrolled.secret.encode() not in sealed


async def test_an_app_counts_from_its_confirmation_on(core):
    owner = await newcomer(core)
    await owner.enroll("my phone")
    assert not (await owner.factors()).factors
    assert (await core.sign_in(owner.email)).HasField("session")

    codes = await owner.confirm()

    found = await owner.factors()
    assert len(codes) == len(set(codes)) == found.recovery_codes_left == 10
    (factor,) = found.factors
    assert (factor.factor_id, factor.display_name) == (owner.factor_id, "my phone")
    assert factor.kind == factors_pb2.FACTOR_KIND_TOTP
    assert not factor.HasField("last_use_time")
    assert (await core.sign_in(owner.email)).HasField("challenge")
    assert await owner.letters() == ["factor_added"]


async def test_confirming_strengthens_this_session_and_no_other(core):
    owner = await by_cookie(core)
    elsewhere = bearer(await core.sign_in(owner.email))
    core.clock.forward(minutes=9)
    await owner.enroll()
    core.clock.forward(minutes=9)
    await owner.confirm()

    # The same credential, with a proof that is fresh and shows two factors.
    await owner.enroll("another")
    assert await owner.amr() == ["pwd", "otp", "mfa"]
    core.clock.back_to_the_present()
    request = factors_pb2.EnrollTotpRequest()
    assert (await refused(core.factors.EnrollTotp(request, metadata=elsewhere))).reason == (
        "ASSURANCE_TOO_LOW"
    )


async def test_the_code_of_the_confirmation_does_not_open_a_session(core):
    owner = await newcomer(core)
    await owner.enroll()
    code = owner.code()
    await owner.confirm(code)

    challenge = await owner.challenge()

    assert (await refused(verify(core, challenge.challenge_token, totp_code=code))).reason == (
        "FACTOR_REJECTED"
    )


async def test_a_wrong_code_confirms_nothing_and_leaves_evidence(core):
    owner = await newcomer(core)
    await owner.enroll()

    assert (await refused(owner.confirm(WRONG))).reason == "CODE_INVALID"
    assert (await refused(owner.confirm(owner.code(steps=5)))).reason == "CODE_INVALID"

    events = await core.events(action="factors.confirm_totp", subject_id=owner.factor_id)
    assert [(each.outcome, each.details) for each in events] == [
        ("failure", {"reason": "CODE_INVALID"})
    ] * 2
    assert len(await owner.confirm()) == 10


async def test_codes_cannot_be_tried_out_on_an_app_that_waits(core):
    owner = await newcomer(core)
    await owner.enroll()

    answers = await asyncio.gather(*(refused(owner.confirm(WRONG)) for _ in range(30)))

    reasons = [answer.reason for answer in answers]
    assert reasons.count("CODE_INVALID") <= 5
    assert set(reasons) <= {"CODE_INVALID", "SIGN_IN_LOCKED"}
    assert (await refused(owner.confirm())).reason == "SIGN_IN_LOCKED"
    core.clock.forward(minutes=2)
    await owner.confirm()


async def test_fifty_confirmations_at_once_make_one_factor(core):
    owner = await newcomer(core)
    await owner.enroll()
    code = owner.code()

    answers = await asyncio.gather(
        *(owner.confirm(code) for _ in range(50)), return_exceptions=True
    )

    confirmed = [answer for answer in answers if isinstance(answer, list)]
    assert [len(codes) for codes in confirmed] == [10]
    assert (await owner.factors()).recovery_codes_left == 10


async def test_a_new_app_takes_the_place_of_one_that_waits(core):
    owner = await newcomer(core)
    first = (await owner.enroll()).factor_id
    code_of_first = owner.code()
    await owner.enroll()

    assert (await refused(owner.confirm(code_of_first, first))).reason == "NOT_FOUND"
    await owner.confirm()


async def test_an_app_waits_for_a_day(core):
    owner = await newcomer(core)
    await owner.enroll()

    core.clock.forward(days=1, seconds=1)
    owner.here = bearer(await core.sign_in(owner.email))

    assert (await refused(owner.confirm())).reason == "NOT_FOUND"


async def test_nobody_confirms_the_app_of_somebody_else(core):
    owner, stranger = await newcomer(core), await newcomer(core)
    await owner.enroll()
    code = owner.code()

    assert (await refused(stranger.confirm(code, owner.factor_id))).reason == "NOT_FOUND"
    assert (await refused(stranger.confirm(code, stranger.user_id))).reason == "NOT_FOUND"
    await owner.confirm(code)


async def test_what_began_without_a_factor_does_not_end_beside_one(core):
    """Somebody with a stolen session begins to add their app; then the owner adds their own."""
    owner = await newcomer(core)
    thief = await newcomer(core)
    thief.here = bearer(await core.sign_in(owner.email))
    await thief.enroll()
    # A passkey, unlike a second app, would leave the one that waits in its place.
    await give_passkey(owner)

    answer = await refused(thief.confirm())

    assert (answer.reason, answer.metadata["acr"]) == ("ASSURANCE_TOO_LOW", "aal2")


async def test_a_second_app_brings_no_codes(core):
    owner = await with_app(core)
    await owner.enroll()

    assert await owner.confirm() == []
    assert len((await owner.factors()).factors) == 2


async def test_both_apps_open_sessions(core):
    owner = await with_app(core)
    first = owner.secret
    await owner.enroll()
    await owner.confirm()

    await owner.sign_in()
    owner.secret = first
    await owner.sign_in()


async def test_ten_apps_and_no_more(core):
    owner = await with_app(core)
    for _ in range(9):
        await owner.enroll()
        await owner.confirm()

    assert (await refused(owner.enroll())).reason == "LIMIT_REACHED"
    assert len((await owner.factors()).factors) == 10


async def test_a_link_is_safe_whatever_the_name(core):
    owner = await newcomer(core)

    enrolled = await owner.enroll("Ада & <b>📱</b>" * 5)

    assert (
        await core.sql(
            "SELECT display_name FROM factors.totps WHERE factor_id = :id", id=enrolled.factor_id
        )
    )[0][0] == ("Ада & <b>📱</b>" * 5)
    for name in ("x" * 101, "two\nlines", "‮evil"):
        assert (await refused(owner.enroll(name))).reason == "INVALID_REQUEST"


async def test_it_takes_a_fresh_proof(core):
    owner = await by_cookie(core)
    core.clock.forward(minutes=9)
    await owner.enroll()
    core.clock.forward(minutes=2)

    assert (await refused(owner.enroll())).reason == "PROOF_TOO_OLD"


async def test_a_secret_opens_in_its_own_row_only(core):
    owner, other = await with_app(core), await with_app(core)
    await core.sql(
        "UPDATE factors.totps SET sealed = (SELECT sealed FROM factors.totps WHERE factor_id = :b)"
        " WHERE factor_id = :a",
        a=owner.factor_id,
        b=other.factor_id,
    )
    challenge = await owner.challenge()
    code = totp.code_at(other.secret, totp.step_at(core.clock.now()) + 1)

    assert (await refused(verify(core, challenge.challenge_token, totp_code=code))).reason == (
        "INTERNAL"
    )
