"""Listing and removing factors, and new recovery codes."""

import asyncio
from uuid import uuid4

import pytest

from limen.factors.v1 import factors_pb2
from server.factors import sweeps
from tests.server.factors.owner import give_passkey, newcomer, verify, with_app
from tests.server.running_core import bearer, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def regenerate(owner) -> list[str]:
    request = factors_pb2.RegenerateRecoveryCodesRequest()
    answer = await owner.core.factors.RegenerateRecoveryCodes(request, metadata=owner.here)
    return list(answer.recovery_codes)


async def test_with_the_last_factor_go_the_recovery_codes(core):
    owner = await with_app(core)
    challenge = await owner.challenge()

    await owner.delete()

    found = await owner.factors()
    assert (len(found.factors), found.recovery_codes_left) == (0, 0)
    kept = await core.sql(
        "SELECT count(*) FROM factors.recovery_codes WHERE user_id = :id", id=owner.user_id
    )
    assert kept[0][0] == 0
    assert await owner.letters() == ["factor_added", "factor_removed"]
    # What was asked for before cannot be answered any more, and nothing is asked for any more.
    answer = await refused(
        verify(core, challenge.challenge_token, recovery_code=owner.recovery_codes[0])
    )
    assert answer.reason == "CHALLENGE_INVALID"
    assert (await core.sign_in(owner.email)).HasField("session")
    (event,) = await core.events(action="factors.delete", subject_id=owner.factor_id)
    assert (event.outcome, event.actor_id) == ("success", owner.user_id)


async def test_while_a_factor_is_left_its_recovery_codes_stay(core):
    owner = await with_app(core)
    first = owner.factor_id
    await owner.enroll()
    await owner.confirm()

    await owner.delete(first)

    found = await owner.factors()
    assert [factor.factor_id for factor in found.factors] == [owner.factor_id]
    assert found.recovery_codes_left == 10


async def test_what_is_not_there_cannot_be_removed(core):
    owner, other = await with_app(core), await with_app(core)
    waiting = (await owner.enroll()).factor_id

    for factor_id in (other.factor_id, str(uuid4()), waiting):
        assert (await refused(owner.delete(factor_id))).reason == "NOT_FOUND"

    assert len((await other.factors()).factors) == 1
    (event,) = await core.events(action="factors.delete", subject_id=other.factor_id)
    assert (event.outcome, event.actor_id) == ("failure", owner.user_id)


async def test_fifty_removals_at_once_are_one(core):
    owner = await with_app(core)

    answers = await asyncio.gather(*(owner.delete() for _ in range(50)), return_exceptions=True)

    assert sum(each is None for each in answers) == 1
    assert (await owner.letters()).count("factor_removed") == 1


async def test_a_session_from_before_the_factor_can_do_nothing_to_it(core):
    owner = await newcomer(core)
    before = bearer(await core.sign_in(owner.email))
    await owner.enroll()
    await owner.confirm()

    calls = {
        core.factors.DeleteFactor: factors_pb2.DeleteFactorRequest(factor_id=owner.factor_id),
        core.factors.EnrollTotp: factors_pb2.EnrollTotpRequest(),
        core.factors.RegenerateRecoveryCodes: factors_pb2.RegenerateRecoveryCodesRequest(),
    }
    for call, request in calls.items():
        answer = await refused(call(request, metadata=before))
        assert (answer.reason, answer.metadata) == ("ASSURANCE_TOO_LOW", {"acr": "aal2"})
    assert len((await owner.factors()).factors) == 1


async def test_the_only_passkey_of_somebody_without_a_password_stays(core):
    owner = await with_app(core)
    passkey = await give_passkey(owner)
    await core.sql("DELETE FROM auth.passwords WHERE user_id = :user", user=owner.user_id)

    assert (await refused(owner.delete(passkey))).reason == "LAST_FACTOR"
    await owner.delete()
    assert [each.factor_id for each in (await owner.factors()).factors] == [passkey]


async def test_new_recovery_codes_are_the_only_ones(core):
    owner = await with_app(core)

    new = await regenerate(owner)

    assert len(set(new) | set(owner.recovery_codes)) == 20
    challenge = await owner.challenge()
    answer = await refused(
        verify(core, challenge.challenge_token, recovery_code=owner.recovery_codes[0])
    )
    assert answer.reason == "FACTOR_REJECTED"
    await verify(core, challenge.challenge_token, recovery_code=new[0])


async def test_without_a_factor_there_are_no_recovery_codes(core):
    assert (await refused(regenerate(await newcomer(core)))).reason == "NOT_FOUND"


async def test_regenerating_at_once_leaves_ten(core):
    owner = await with_app(core)

    await asyncio.gather(*(regenerate(owner) for _ in range(20)))

    assert (await owner.factors()).recovery_codes_left == 10


async def test_codes_are_kept_as_hashes(core):
    owner = await with_app(core)

    rows = await core.sql(
        "SELECT code_hash FROM factors.recovery_codes WHERE user_id = :id", id=owner.user_id
    )

    assert {len(row[0]) for row in rows} == {32}


async def test_apps_that_nobody_confirmed_are_swept(core):
    owner, waiting = await with_app(core), await newcomer(core)
    await waiting.enroll()
    sweep = next(each for each in sweeps.sweeps() if "apps" in each.name)

    async def swept() -> set[str]:
        async with core.domain.database.transaction() as tx:
            await tx.execute(sweep.statement(core.clock.now(), 1000))
        rows = await core.sql("SELECT factor_id FROM factors.totps")
        return {str(row[0]) for row in rows}

    assert {owner.factor_id, waiting.factor_id} <= await swept()
    core.clock.forward(days=1, minutes=1)
    left = await swept()
    assert owner.factor_id in left
    assert waiting.factor_id not in left
