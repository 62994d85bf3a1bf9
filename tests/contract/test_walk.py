"""Every RPC, called by everybody it is not for, about things that are somebody else's.

Whatever the contract declares, nobody sees or changes what is not theirs, and nobody can tell
somebody else's thing from one that does not exist.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import grpc
import pytest
import pytest_asyncio
from google.protobuf.message import Message

from limen.apikeys.v1 import apikeys_pb2, apikeys_pb2_grpc
from limen.factors.v1 import factors_pb2, factors_pb2_grpc
from limen.users.v1 import users_pb2
from server.app import SERVICES
from tests.flows.bad_input.plausible import put, request_for
from tests.flows.bad_input.rpcs import Rpc
from tests.server.running_core import RunningCore, bearer, core_settings, refusal, running_core

Metadata = tuple[tuple[str, str], ...]

RPCS = [Rpc(method) for service in SERVICES for method in service.methods]
GUARDED = [rpc for rpc in RPCS if not rpc.is_public]
OWN_THINGS = {
    "RevokeSession": "session",
    "DeleteFactor": "factor",
    "ConfirmTotp": "unconfirmed factor",
    "RevokeApiKey": "key",
}
"""RPCs about a thing of the caller, by the thing of the victim that they are called with."""
PERMISSIONS = {"user": "", "narrow_key": "users.read", "auditor": "audit.read"}
"""What those who are no administrators may do."""
NOT_THERE = {"NOT_FOUND"}
NOT_ALLOWED = {"PERMISSION_DENIED", "CREDENTIAL_KIND_REFUSED"}
TABLES = """
    SELECT table_schema || '.' || table_name FROM information_schema.columns
    WHERE column_name = 'user_id' AND table_schema IN ('users', 'auth', 'factors', 'apikeys')
    ORDER BY 1
"""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Victim:
    """Somebody with one of everything."""

    user_id: str
    things: dict[str, str]


@dataclass(frozen=True)
class Cast:
    """Everybody who calls, and whom they call about."""

    core: RunningCore
    tables: list[str]
    victim: Victim
    user: Metadata
    narrow_key: Metadata
    auditor: Metadata
    admin: Metadata


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cast(database_url: str, valkey_url: str) -> AsyncIterator[Cast]:
    settings = core_settings(database_url, valkey_url)
    async with running_core(settings) as core:
        admin = await core.bearer("admin")
        yield Cast(
            core=core,
            tables=[row[0] for row in await core.sql(TABLES)],
            victim=await victim_of(core),
            user=await core.bearer(),
            narrow_key=await key_of(core, admin, PERMISSIONS["narrow_key"]),
            auditor=await core.bearer("auditor"),
            admin=admin,
        )


async def victim_of(core: RunningCore) -> Victim:
    account = await core.user()
    signed_in = await core.sign_in(account.user.email)
    here = bearer(signed_in)
    factors = factors_pb2_grpc.FactorServiceStub(core.channel)
    keys = apikeys_pb2_grpc.ApiKeyServiceStub(core.channel)
    key = await keys.CreateApiKey(
        apikeys_pb2.CreateApiKeyRequest(display_name="Mine"), metadata=here
    )
    waiting = await factors.EnrollTotp(factors_pb2.EnrollTotpRequest(), metadata=here)
    return Victim(
        user_id=str(account.user.user_id),
        things={
            "session": signed_in.session.session_id,
            "key": key.api_key.api_key_id,
            "unconfirmed factor": waiting.factor_id,
            "factor": waiting.factor_id,
        },
    )


async def key_of(core: RunningCore, owner: Metadata, *scopes: str) -> Metadata:
    keys = apikeys_pb2_grpc.ApiKeyServiceStub(core.channel)
    request = apikeys_pb2.CreateApiKeyRequest(display_name="Narrow", scopes=scopes)
    made = await keys.CreateApiKey(request, metadata=owner)
    return (("authorization", f"Bearer {made.secret}"),)


async def call(cast: Cast, rpc: Rpc, request: Message, metadata: Metadata) -> str:
    """The reason for which a call is refused; empty if it is not."""
    channel, data = cast.core.channel, request.SerializeToString()
    try:
        if rpc.method.client_streaming:
            await channel.stream_unary(rpc.path)(iter([data]), metadata=metadata)
        elif rpc.streams:
            stream = channel.unary_stream(rpc.path)(data, metadata=metadata, timeout=0.3)
            await stream.read()
            stream.cancel()
        else:
            await channel.unary_unary(rpc.path)(data, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED and rpc.streams:
            return ""
        return refusal(error).reason
    return ""


def about(rpc: Rpc, victim: Victim, *, thing: str | None = None) -> Message:
    """A request that names what is the victim's wherever it can name anything."""
    request = request_for(rpc)
    for chain in rpc.fields():
        name = chain[-1].name
        if name == "user_id":
            put(request, chain, victim.user_id)
        elif thing is not None and name in {"session_id", "factor_id", "api_key_id"}:
            put(request, chain, thing)
    return request


async def belongings(cast: Cast) -> list[Any]:
    """All rows of the victim."""
    rows = " UNION ALL ".join(
        f"SELECT '{table}', t::text FROM {table} AS t WHERE user_id = :id"  # noqa: S608 - ours
        for table in cast.tables
    )
    return sorted(tuple(row) for row in await cast.core.sql(rows, id=cast.victim.user_id))


@pytest.mark.parametrize("rpc", GUARDED, ids=str)
async def test_nobody_gets_anything_without_a_credential(cast, rpc):
    before = await belongings(cast)

    assert await call(cast, rpc, about(rpc, cast.victim), ()) == "UNAUTHENTICATED"
    assert await belongings(cast) == before


@pytest.mark.parametrize(
    ("who", "rpc"),
    [
        pytest.param(who, rpc, id=f"{rpc}-{who}")
        for rpc in GUARDED
        for who, held in PERMISSIONS.items()
        if rpc.policy.permission not in {"", held}
    ],
)
async def test_a_permission_is_needed_by_all_who_lack_it(cast, rpc, who):
    before = await belongings(cast)

    reason = await call(cast, rpc, about(rpc, cast.victim), getattr(cast, who))

    assert reason in NOT_ALLOWED
    assert await belongings(cast) == before


@pytest.mark.parametrize("rpc", [rpc for rpc in RPCS if str(rpc) in OWN_THINGS], ids=str)
@pytest.mark.parametrize("who", ["user", "auditor", "admin"])
async def test_what_is_somebody_elses_looks_like_nothing(cast, rpc, who):
    metadata = getattr(cast, who)
    before = await belongings(cast)

    theirs = cast.victim.things[OWN_THINGS[str(rpc)]]
    about_theirs = await call(cast, rpc, about(rpc, cast.victim, thing=theirs), metadata)
    about_nothing = await call(cast, rpc, about(rpc, cast.victim, thing=str(uuid4())), metadata)

    assert {about_theirs, about_nothing} == NOT_THERE
    assert await belongings(cast) == before


@pytest.mark.parametrize("rpc", [rpc for rpc in GUARDED if not rpc.policy.permission], ids=str)
async def test_a_key_cannot_stand_in_for_its_owner(cast, rpc):
    reason = await call(cast, rpc, about(rpc, cast.victim), cast.narrow_key)

    assert reason == ("" if rpc.policy.api_keys else "CREDENTIAL_KIND_REFUSED")


async def test_an_administrator_may_what_nobody_else_may(cast):
    """So that the refusals above are for want of permission and nothing else."""
    request = users_pb2.GetUserRequest(user_id=cast.victim.user_id)

    found = await cast.core.users.GetUser(request, metadata=cast.admin)

    assert found.user.user_id == cast.victim.user_id
