"""Adding passkeys, and all the ways in which none is added."""

import asyncio

import pytest
import pytest_asyncio
from google.protobuf.json_format import MessageToDict

from limen.auth.v1 import auth_pb2
from limen.factors.v1 import factors_pb2
from server.platform.vault import encode
from tests.server.factors.authenticator import RS256, Authenticator
from tests.server.factors.passkey_owner import last_event, newcomer, passkey_row
from tests.server.running_core import PASSWORD, bearer, refusal, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def ada(core):
    return await newcomer(core)


@pytest_asyncio.fixture(loop_scope="module")
async def eve(core):
    return await newcomer(core)


async def test_a_first_passkey_comes_with_codes_mail_and_a_stronger_session(core, ada):
    begun = await ada.begin()
    authenticator = Authenticator(aaguid=bytes.fromhex("d548826e79b4db40a3d811116f7e8349"))

    added = await ada.finish(begun, authenticator.make(MessageToDict(begun.options)))

    assert added.factor.kind == factors_pb2.FACTOR_KIND_PASSKEY
    assert added.factor.display_name == "Bitwarden"
    assert not added.factor.backed_up
    assert len(set(added.recovery_codes)) == 10
    listed = await ada.factors()
    assert [each.factor_id for each in listed.factors] == [added.factor.factor_id]
    assert listed.recovery_codes_left == 10
    sessions = await core.auth.ListSessions(auth_pb2.ListSessionsRequest(), metadata=ada.metadata)
    assert list(sessions.sessions[0].amr) == ["pwd", "hwk", "user", "mfa"]
    event = await last_event(core, "factors.register_passkey")
    assert (event.outcome, event.subject_id) == ("success", added.factor.factor_id)
    letters = await core.sql(
        "SELECT args FROM jobs.outbox WHERE args->>'user_id' = :user", user=str(ada.user_id)
    )
    assert "factor_added" in [row[0]["template"] for row in letters]


async def test_a_second_passkey_comes_without_codes_and_excludes_the_first(ada):
    first = await ada.add()
    begun = await ada.begin()
    options = MessageToDict(begun.options)

    second = await ada.finish(begun, Authenticator(RS256).make(options), display_name="Key ring")

    assert [each["id"] for each in options["excludeCredentials"]] == [encode(first.credential_id)]
    assert second.factor.display_name == "Key ring"
    assert not second.recovery_codes


async def test_no_more_than_twenty_factors(ada):
    for _ in range(20):
        await ada.add()

    assert (await refused(ada.begin())).reason == "LIMIT_REACHED"


async def test_a_passkey_of_somebody_else_is_not_registered_twice(core, ada, eve):
    stolen = await ada.add()

    begun = await eve.begin()
    answer = await refused(eve.finish(begun, stolen.make(MessageToDict(begun.options))))

    assert answer.reason == "ALREADY_EXISTS"
    assert (await passkey_row(core, stolen)).user_id == ada.user_id
    assert not (await eve.factors()).factors
    assert (await last_event(core, "factors.register_passkey")).details[
        "reason"
    ] == "ALREADY_EXISTS"


async def test_a_ceremony_works_for_nobody_else(ada, eve):
    begun = await ada.begin()
    answer = Authenticator().make(MessageToDict(begun.options))

    stranger = await refused(ada.finish(begun, answer, metadata=eve.metadata))

    assert stranger.reason == "CHALLENGE_INVALID"
    assert (await ada.finish(begun, answer)).factor.factor_id


async def test_fifty_answers_to_one_ceremony_make_one_passkey(ada):
    begun = await ada.begin()
    answers = [Authenticator().make(MessageToDict(begun.options)) for _ in range(50)]

    results = await asyncio.gather(
        *(ada.finish(begun, answer) for answer in answers), return_exceptions=True
    )

    lost = [refusal(each).reason for each in results if isinstance(each, Exception)]
    assert lost == ["CHALLENGE_INVALID"] * 49
    assert len((await ada.factors()).factors) == 1


async def test_a_ceremony_ends_after_five_minutes_and_with_a_wrong_answer(core, ada):
    late, spoilt = await ada.begin(), await ada.begin()
    authenticator = Authenticator()
    good = authenticator.make(MessageToDict(spoilt.options))

    wrong = await refused(ada.finish(spoilt, good | {"type": "password"}))
    again = await refused(ada.finish(spoilt, good))
    core.clock.forward(minutes=5)
    expired = await refused(ada.finish(late, authenticator.make(MessageToDict(late.options))))

    assert wrong.reason == "FACTOR_REJECTED"
    assert (again.reason, expired.reason) == ("CHALLENGE_INVALID", "CHALLENGE_INVALID")
    assert not (await ada.factors()).factors


async def test_an_old_proof_adds_no_passkey(core, ada):
    request = auth_pb2.SignInRequest(
        email=ada.email, password=PASSWORD, delivery=auth_pb2.CREDENTIAL_DELIVERY_COOKIE
    )
    beside = dict(await core.auth.SignIn(request).trailing_metadata())
    ada.metadata = (("limen-session", beside["limen-session-credential"]),)

    core.clock.forward(minutes=11)

    assert (await refused(ada.begin())).reason == "PROOF_TOO_OLD"


async def test_a_session_without_the_factor_adds_no_other(core, ada):
    thief = await core.sign_in(ada.email)
    begun = await core.factors.BeginPasskeyRegistration(
        factors_pb2.BeginPasskeyRegistrationRequest(), metadata=bearer(thief)
    )
    await ada.add()

    answer = Authenticator().make(MessageToDict(begun.options))
    late = await refused(ada.finish(begun, answer, metadata=bearer(thief)))
    begins = core.factors.BeginPasskeyRegistration(
        factors_pb2.BeginPasskeyRegistrationRequest(), metadata=bearer(thief)
    )

    assert late.reason == "ASSURANCE_TOO_LOW"
    assert (await refused(begins)).reason == "ASSURANCE_TOO_LOW"
    assert len((await ada.factors()).factors) == 1
