"""What breaks a rule of the contract is refused and named, through both doors alike."""

import httpx
import pytest

from tests.flows.bad_input import bodies
from tests.flows.bad_input.attempts import by_both, each
from tests.flows.bad_input.cases import Case, cases, one_case_a_field
from tests.flows.bad_input.house import STRANGER, House, Someone
from tests.flows.bad_input.rpcs import RPCS, Rpc, path_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVERY_RPC = pytest.mark.parametrize("rpc", RPCS, ids=str)
PROTECTED = pytest.mark.parametrize("rpc", [rpc for rpc in RPCS if not rpc.is_public], ids=str)
NEEDING_PERMISSION = pytest.mark.parametrize(
    "rpc", [rpc for rpc in RPCS if rpc.policy.permission], ids=str
)


@EVERY_RPC
async def test_a_broken_rule_is_refused_and_named_alike(
    house: House, rpc: Rpc, caller: Someone, somebody: Someone
) -> None:
    before = await house.belongings()

    async def attempt(attack: tuple[Case, Someone]) -> None:
        case, who = attack
        over_grpc, over_rest = await by_both(house, case, who)
        assert over_grpc.reason == "INVALID_REQUEST", str(case)
        assert over_grpc.fields <= case.broken, str(case)
        assert over_grpc.fields, str(case)
        assert over_rest in (None, over_grpc), str(case)

    await each(((case, caller) for case in cases(rpc, allowed=False)), attempt)
    await each(((case, somebody) for case in one_case_a_field(rpc)), attempt)
    assert await house.belongings() == before


@PROTECTED
async def test_strangers_are_told_nothing_but_to_sign_in(house: House, rpc: Rpc) -> None:
    before = await house.belongings()

    async def attempt(case: Case) -> None:
        for outcome in await by_both(house, case, STRANGER):
            if outcome is not None:
                assert (outcome.reason, outcome.faults) == ("UNAUTHENTICATED", frozenset())

    await each(one_case_a_field(rpc), attempt)
    garbage = await house.over_grpc(rpc, b"\xff\xff\xff", STRANGER)
    assert garbage.reason == "UNAUTHENTICATED"
    if rpc.body:
        rubbish = await house.over_rest(bodies.plain(rpc, b"{"), STRANGER)
        assert rubbish.reason == "UNAUTHENTICATED"
    assert await house.belongings() == before


@NEEDING_PERMISSION
async def test_who_lacks_the_permission_is_told_only_that(house: House, rpc: Rpc) -> None:
    who = await house.someone()
    before = await house.belongings()

    async def attempt(case: Case) -> None:
        over_grpc, over_rest = await by_both(house, case, who)
        assert (over_grpc.reason, over_grpc.faults) == ("PERMISSION_DENIED", frozenset()), str(case)
        assert over_rest in (None, over_grpc), str(case)

    await each(one_case_a_field(rpc), attempt)
    assert (await house.over_grpc(rpc, b"\xff\xff\xff", who)).reason == "PERMISSION_DENIED"
    after = await house.belongings()
    events = [belongings.pop("audit.events")["count"] for belongings in (before, after)]
    assert (events[1] > events[0]) == bool(rpc.policy.audit_event)
    assert after == before


@EVERY_RPC
async def test_what_the_rules_allow_is_served_or_refused_for_a_documented_reason(
    house: House, rpc: Rpc
) -> None:
    who, also = STRANGER, STRANGER
    if not rpc.is_public:
        # Some calls end the session that they are made with.
        who, also = await house.someone("admin"), await house.someone("admin")
    documented = house.documented.get(rpc.path, {})
    named = {rpc.name_over_rest(path_of(chain)) for chain in rpc.fields()}

    async def attempt(case: Case) -> None:
        over_grpc, over_rest = await by_both(house, case, who, also)
        for outcome in (over_grpc, over_rest):
            if outcome is not None and outcome.reason and documented:
                assert outcome.reason in documented[outcome.status], (str(case), outcome)
        refusals = [each for each in (over_grpc, over_rest) if each and each.status == 400]
        if refusals and over_rest is not None:
            assert over_grpc == over_rest, str(case)
            assert over_grpc.fields <= named, str(case)

    await each(cases(rpc, allowed=True), attempt)


async def test_nothing_of_all_this_was_unexpected(house: House) -> None:
    async with httpx.AsyncClient() as client:
        metrics = (await client.get(house.system.metrics_url)).text
    assert "limen_rpc_seconds_count{" in metrics
    assert "limen_rpc_unexpected_errors_total{" not in metrics
