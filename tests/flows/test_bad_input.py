"""Whatever is sent is refused or served, never a failure, and the same through both doors.

The attacks are made from the descriptors of the contract (`bad_input`), so that a new RPC or field
is attacked without a change here.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from buf.validate import validate_pb2
from google.protobuf import text_format
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.flows.bad_input import bodies, calls, chance, heads, http2, plausible, values
from tests.flows.bad_input.answers import Outcome, of_grpc, of_rest
from tests.flows.bad_input.house import JSON, STRANGER, House, Someone
from tests.flows.bad_input.rpcs import OVER_REST, RPCS, Chain, RestRequest, Rpc, path_of
from tests.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT_ONCE = 8
A_FEW = 9
"""One of so many values."""
SHOWN = 5
LONGEST_HEAD = 32 * 1024
TOO_LONG = Outcome("REQUEST_TOO_LARGE", 431, "RESOURCE_EXHAUSTED")
BLAMELESS = {
    code.value[0]
    for code in (
        grpc.StatusCode.OK,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
    )
}
BY_CHANCE = settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
SETTINGS = {
    "LIMEN_RATE_LIMIT_SCALE": "1000",
    "LIMEN_ARGON2_MEMORY_KIB": "64",
    "LIMEN_ARGON2_TIME": "1",
    "LIMEN_LOG_LEVEL": "WARNING",
}
EVERY_RPC = pytest.mark.parametrize("rpc", RPCS, ids=str)
EVERY_ROUTE = pytest.mark.parametrize("rpc", OVER_REST, ids=str)
WITH_BODY = pytest.mark.parametrize("rpc", [rpc for rpc in OVER_REST if rpc.body], ids=str)
WITHOUT_BODY = pytest.mark.parametrize("rpc", [rpc for rpc in OVER_REST if not rpc.body], ids=str)
PROTECTED = pytest.mark.parametrize("rpc", [rpc for rpc in RPCS if not rpc.is_public], ids=str)
NEEDING_PERMISSION = pytest.mark.parametrize(
    "rpc", [rpc for rpc in RPCS if rpc.policy.permission], ids=str
)


@pytest.fixture(scope="module")
def limen(
    tmp_path_factory: pytest.TempPathFactory, database_url: str, valkey_url: str
) -> Iterator[System]:
    """A system of our own: what is sent here would use up the budgets of others."""
    urls = {"LIMEN_DATABASE_URL": database_url, "LIMEN_VALKEY_URL": valkey_url}
    with System(tmp_path_factory.mktemp("bad-input"), **SETTINGS, **urls) as system:
        yield system


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(limen: System, database_url: str) -> AsyncIterator[House]:
    house = await House.enter(limen, database_url)
    yield house
    await house.leave()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def somebody(house: House) -> Someone:
    """An administrator for calls that do not end their session."""
    return await house.someone("admin")


@pytest.fixture(autouse=True)
def quiet(limen: System) -> Iterator[None]:
    """Whatever is sent, no part of the system takes it for a failure of its own."""
    begin = limen.output.stat().st_size
    yield
    with limen.output.open("rb") as output:
        output.seek(begin)
        loud = [line for line in output if any(word in line for word in LOUD)]
    assert not loud, b"".join(loud[:SHOWN]).decode()


LOUD = (b'"level":"error"', b"core_failed", b"Traceback")


@dataclass(frozen=True)
class Case:
    """A request with one field that somebody got wrong, or tried to."""

    rpc: Rpc
    chain: Chain
    request: Message
    broken: frozenset[str]
    """The fields that break a rule, as they are named over REST."""

    def __str__(self) -> str:
        return f"{self.rpc} {text_format.MessageToString(self.request, as_one_line=True)[:300]}"


def cases(rpc: Rpc, *, allowed: bool) -> Iterator[Case]:
    """Requests with one hostile value each; those that break no rule are the allowed ones.

    Of fields with the same rules the first gets every value, and each other one a few.
    """
    for chain in rpc.fields():
        every = values.hostile(chain[-1], _value_in(rpc, chain))
        is_first = FIRST_WITH_ITS_RULES[_rules_of(chain)] == (rpc, chain)
        for value in islice(every, 0, None, 1 if is_first else A_FEW):
            request = plausible.request_for(rpc, chain)
            plausible.put(request, chain, value)
            broken = frozenset(rpc.name_over_rest(path) for path, _ in plausible.broken(request))
            if bool(broken) is not allowed:
                yield Case(rpc, chain, request, broken)


def _rules_of(chain: Chain) -> tuple[int, bytes]:
    rules = chain[-1].GetOptions().Extensions[validate_pb2.field]
    return chain[-1].type, rules.SerializeToString(deterministic=True)


FIRST_WITH_ITS_RULES = {
    _rules_of(chain): (rpc, chain) for rpc in reversed(RPCS) for chain in reversed(rpc.fields())
}


def one_case_a_field(rpc: Rpc) -> Iterator[Case]:
    """For each field the first request that breaks a rule of it."""
    seen: set[Chain] = set()
    for case in cases(rpc, allowed=False):
        if case.chain not in seen:
            seen.add(case.chain)
            yield case


def _value_in(rpc: Rpc, chain: Chain) -> Any:
    found: Any = plausible.request_for(rpc, chain)
    for field in chain:
        found = getattr(found, field.name)
    return found


async def each(items: Iterable[Any], act: Callable[[Any], Awaitable[None]]) -> None:
    """Does something with all items, a few at once, and shows the first of those that failed."""
    places = asyncio.Semaphore(AT_ONCE)

    async def limited(item: Any) -> None:
        async with places:
            await act(item)

    results = await asyncio.gather(*map(limited, items), return_exceptions=True)
    failures = [result for result in results if isinstance(result, Exception)]
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(results)} failed", failures[:SHOWN])


async def by_both(
    house: House, case: Case, who: Someone, also: Someone | None = None
) -> tuple[Outcome, Outcome | None]:
    """The outcomes over gRPC, and over REST by `also` if given; None for what REST cannot say."""
    over_grpc = await house.over_grpc(case.rpc, case.request.SerializeToString(), who)
    request = case.rpc.rest(case.request) if case.rpc.verb else None
    if request is None:
        return over_grpc, None
    over_rest = await house.over_rest(request, also or who)
    if len(request.target) > LONGEST_HEAD:
        assert (over_rest.reason, over_rest.status) == ("REQUEST_TOO_LARGE", 431), str(case)
        return over_grpc, None
    return over_grpc, over_rest


async def caller(house: House, rpc: Rpc) -> Someone:
    """Who may call an RPC."""
    return STRANGER if rpc.is_public else await house.someone("admin")


@EVERY_RPC
async def test_a_broken_rule_is_refused_and_named_alike(house: House, rpc: Rpc) -> None:
    who = await caller(house, rpc)
    before = await house.belongings()

    async def attempt(case: Case) -> None:
        over_grpc, over_rest = await by_both(house, case, who)
        assert over_grpc.reason == "INVALID_REQUEST", str(case)
        assert over_grpc.fields <= case.broken, str(case)
        assert over_grpc.fields, str(case)
        assert over_rest in (None, over_grpc), str(case)

    await each(cases(rpc, allowed=False), attempt)
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
    assert {**after, "audit.events": None} == {**before, "audit.events": None}


@WITH_BODY
async def test_values_of_the_wrong_type_are_refused_and_named(house: House, rpc: Rpc) -> None:
    await refuses_bodies(house, rpc, bodies.of_wrong_types(rpc))


@WITH_BODY
async def test_unknown_and_repeated_fields_are_refused_and_named(house: House, rpc: Rpc) -> None:
    await refuses_bodies(house, rpc, bodies.of_wrong_names(rpc))


async def refuses_bodies(house: House, rpc: Rpc, attacks: Iterable[bodies.Faulty]) -> None:
    who = await caller(house, rpc)
    before = await house.belongings()

    async def attempt(attack: bodies.Faulty) -> None:
        outcome = await house.over_rest(attack.request, who)
        assert outcome.reason == "INVALID_REQUEST", str(attack)
        named = {name.split("[")[0] for name in outcome.fields}
        assert named == {attack.field}, str(attack)

    await each(attacks, attempt)
    assert await house.belongings() == before


@WITH_BODY
async def test_what_is_no_json_is_refused(house: House, rpc: Rpc) -> None:
    who = await caller(house, rpc)
    before = await house.belongings()

    async def attempt(body: bytes) -> None:
        outcome = await house.over_rest(bodies.plain(rpc, body), who)
        assert outcome.reason == "INVALID_REQUEST", body[:100]
        assert outcome.faults, body[:100]

    # Where the body is one field, null stands for its absence, as it does for any field.
    await each([body for body in bodies.NO_JSON if body != b"null" or rpc.body == "*"], attempt)
    assert await house.belongings() == before


@WITH_BODY
async def test_other_media_types_and_sizes_are_refused(house: House, rpc: Rpc) -> None:
    who = await caller(house, rpc)
    before = await house.belongings()
    request = bodies.plain(rpc, b"{}")
    for headers in heads.MEDIA_TYPES:
        reply = await house.http.send(
            request.method, request.target, [*who.headers, *headers], request.body
        )
        assert of_rest(reply).reason == "UNSUPPORTED_MEDIA_TYPE", headers
        assert reply.status == 415
    huge = bodies.plain(rpc, b'{"a": "' + b"a" * 1024 * 1024 + b'"}')
    outcome = await house.over_rest(huge, who)
    assert (outcome.reason, outcome.status) == ("REQUEST_TOO_LARGE", 413)
    assert await house.belongings() == before


@WITHOUT_BODY
async def test_a_body_where_there_is_none_is_refused(house: House, rpc: Rpc) -> None:
    who = await caller(house, rpc)
    request = rpc.rest(plausible.request_for(rpc))
    assert request is not None
    for body in (b"{}", b"x", b"\0" * 100_000):
        outcome = await house.over_rest(RestRequest(rpc.verb, request.target, body), who)
        assert [rule for _, rule, _ in outcome.faults] == ["body.unexpected"]


@EVERY_ROUTE
async def test_queries_that_no_rpc_has_are_refused_and_named(house: House, rpc: Rpc) -> None:
    who = await caller(house, rpc)
    before = await house.belongings()
    request = rpc.rest(plausible.request_for(rpc))
    assert request is not None
    own = [(f"{name}=x", name) for name in (*rpc.variables, rpc.body.strip("*")) if name]

    async def attempt(attack: tuple[str, str | None]) -> None:
        query, field = attack
        outcome = await house.over_rest(
            RestRequest(rpc.verb, f"{request.target}?{query}", request.body), who
        )
        assert outcome.reason == "INVALID_REQUEST", query[:100]
        assert field in (None, *outcome.fields), (query[:100], outcome)

    await each([*heads.QUERIES, *own], attempt)
    assert await house.belongings() == before


@EVERY_ROUTE
async def test_wrong_methods_and_paths_lead_nowhere(house: House, rpc: Rpc) -> None:
    who = await house.someone("admin")
    before = await house.belongings()
    request = rpc.rest(plausible.request_for(rpc))
    assert request is not None
    path = request.target.partition("?")[0]
    known = {other.verb for other in OVER_REST if other.shape == rpc.shape}
    known |= {"HEAD"} if "GET" in known else set()

    async def attempt_method(method: str) -> None:
        reply = await house.http.send(method, path, who.headers)
        assert reply.status == 405, reply
        assert set(reply["allow"].split(", ")) == known | {"OPTIONS"}, reply
        assert method == "HEAD" or of_rest(reply).reason == "METHOD_NOT_ALLOWED", reply

    async def attempt_path(beside: str) -> None:
        reply = await house.http.send(rpc.verb, beside, [*who.headers, JSON], request.body)
        outcome = of_rest(reply)
        assert outcome.reason in {
            "ROUTE_NOT_FOUND",
            "METHOD_NOT_ALLOWED",
            "INVALID_REQUEST",
            "NOT_FOUND",
        }, reply

    await each(set(heads.METHODS) - known, attempt_method)
    await each(heads.paths_beside(path), attempt_path)
    assert await house.belongings() == before


@pytest.mark.parametrize("headers", heads.HEADERS, ids=lambda headers: str(headers)[:60])
async def test_no_header_is_a_failure(house: House, headers: Any) -> None:
    who = await house.someone()
    for credential in ([], who.headers):
        for target in ("/v1/users/me", "/v1/audit/events:watch", "/.well-known/jwks.json", "/"):
            reply = await house.http.send("GET", target, [*credential, *headers], head_only=True)
            assert of_rest(reply).status < 500


async def test_nobody_outside_speaks_for_the_edge(house: House) -> None:
    who = await house.someone()
    forged = [("limen-client-network", "6.6.6.6"), ("limen-edge-secret", "guess")]
    forged += [("limen-client-user-agent", "forged"), ("x-forwarded-for", "6.6.6.6")]
    await house.sign_in(who.email, *forged)
    reply = await house.http.send("GET", "/v1/auth/sessions", who.headers)
    assert b"127.0.0.1" in reply.body
    assert b"6.6.6.6" not in reply.body
    assert b"forged" not in reply.body


@EVERY_RPC
async def test_what_the_rules_allow_is_served_or_refused_for_a_documented_reason(
    house: House, rpc: Rpc
) -> None:
    who, also = await caller(house, rpc), await caller(house, rpc)
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


@EVERY_RPC
async def test_bytes_that_are_no_message_are_refused(house: House, rpc: Rpc) -> None:
    who = await caller(house, rpc)
    before = await house.belongings()
    for data in (b"\xff\xff\xff", b"\x0a\xff", b"\x0b" * 500, *calls.texts_that_are_no_text(rpc)):
        outcome = await house.over_grpc(rpc, data, who)
        assert outcome.reason == "INVALID_REQUEST", data
    assert await house.belongings() == before


@EVERY_RPC
async def test_messages_of_other_rpcs_are_no_failure(house: House, rpc: Rpc) -> None:
    who = await caller(house, rpc)
    for data in calls.messages_of_others(rpc)[::A_FEW]:
        assert (await house.over_grpc(rpc, data, who)).status < 500


@pytest.mark.parametrize("path", calls.NO_RPCS)
async def test_what_is_no_rpc_is_unimplemented(house: House, path: str) -> None:
    for data in (b"", b"\xff\xff", b"a" * 100_000):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await house.channel.unary_unary(path)(data)
        assert of_grpc(refused.value, RPCS[0]).reason == "UNIMPLEMENTED"


@pytest.mark.parametrize("path", calls.OUTSIDE_OF_THE_CONTRACT)
async def test_bytes_that_are_no_message_are_refused_outside_of_the_contract_too(
    house: House, path: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await house.channel.unary_unary(path)(b"\xff\xff\xff")
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_message_beyond_all_bounds_is_refused(house: House) -> None:
    before = await house.belongings()
    for rpc in RPCS[:: len(RPCS) // 3]:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await house.channel.unary_unary(rpc.path)(b"a" * 5 * 1024 * 1024)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert await house.belongings() == before


@pytest.mark.parametrize("metadata", calls.METADATA, ids=lambda metadata: str(metadata)[:60])
async def test_no_metadata_are_a_failure(house: House, metadata: Any) -> None:
    for rpc in RPCS[:: len(RPCS) // 3]:
        status = await http2.status_of(house.system.grpc_address, rpc.path, metadata)
        assert status in BLAMELESS


async def test_metadata_beyond_all_bounds_are_refused(house: House) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await house.channel.unary_unary(RPCS[0].path)(b"", metadata=[("x-long", "a" * 40_000)])
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@BY_CHANCE
@given(request=chance.requests(), headers=chance.headers, is_known=st.booleans())
async def test_no_request_is_a_failure(
    house: House, somebody: Someone, request: RestRequest, headers: Any, is_known: bool
) -> None:
    who = somebody if is_known else STRANGER
    typed = [JSON] if request.body is not None else []
    reply = await house.http.send(
        request.method,
        request.target,
        [*who.headers, *typed, *headers],
        request.body,
        head_only=True,
    )
    assert of_rest(reply).status < 500


@BY_CHANCE
@given(message=chance.messages(), metadata=chance.metadata, is_known=st.booleans())
async def test_no_message_is_a_failure(
    house: House, somebody: Someone, message: tuple[Rpc, bytes], metadata: Any, is_known: bool
) -> None:
    rpc, data = message
    who = somebody if is_known else STRANGER
    assert (await house.over_grpc(rpc, data, who, *metadata)).status < 500


async def test_nothing_of_all_this_was_unexpected(house: House) -> None:
    async with httpx.AsyncClient() as client:
        metrics = (await client.get(house.system.metrics_url)).text
    assert "limen_rpc_seconds_count{" in metrics
    assert "limen_rpc_unexpected_errors_total{" not in metrics
