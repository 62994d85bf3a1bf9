"""Keys change while tokens live: nobody is locked out, and what leaked is worth nothing."""

import asyncio
import base64
import contextlib
from datetime import timedelta

import jwt
import pytest
import pytest_asyncio

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from server.auth import rotation
from server.auth.key_rotation import Manner
from server.auth.rotation import OUTLIVES, OVERLAP, State
from tests.eventually import soon
from tests.server.running_core import bearer, core_settings, refused, running_core

pytestmark = pytest.mark.asyncio(loop_scope="module")

ME = users_pb2.GetUserRequest(user_id="me")
EVERY = timedelta(days=90)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def one_key(core):
    """Every test begins with one key that has just been made."""
    await core.domain.key_rotation.rotate(Manner.EMERGENCY)
    await core.domain.keyring.load()


async def signed_in(core):
    return await core.sign_in((await core.user()).user.email)


def key_of(answer):
    return jwt.get_unverified_header(answer.tokens.access_token)["kid"]


async def published(core):
    return [key.kid for key in (await core.auth.GetJwks(auth_pb2.GetJwksRequest())).keys]


async def states(core):
    rows, now = await core.domain.key_rotation.keys(), core.clock.now()
    return {row.key_id: rotation.state(row, rows, now) for row in rows}


async def rotate(core, manner):
    rotated = await core.domain.key_rotation.rotate(manner)
    await core.domain.keyring.load()
    return rotated.key.key_id


async def works(core, answer):
    return await core.users.GetUser(ME, metadata=bearer(answer))


async def is_refused(core, answer):
    told = await refused(core.users.GetUser(ME, metadata=bearer(answer)))
    assert told.reason == "CREDENTIAL_INVALID"


async def test_a_new_key_is_published_before_it_signs(core):
    old = key_of(await signed_in(core))

    new = await rotate(core, Manner.ANNOUNCED)

    assert await published(core) == [old, new]
    assert key_of(await signed_in(core)) == old
    core.clock.forward(seconds=OVERLAP.total_seconds())
    assert key_of(await signed_in(core)) == new


async def test_the_old_key_verifies_until_its_last_token_has_expired(core):
    old = key_of(await signed_in(core))
    new = await rotate(core, Manner.ANNOUNCED)
    core.clock.forward(seconds=OVERLAP.total_seconds() - 1)
    last = await signed_in(core)
    assert key_of(last) == old

    core.clock.forward(seconds=590)
    assert await works(core, last)
    core.clock.forward(seconds=OUTLIVES.total_seconds() - 590)
    assert await published(core) == [old, new]
    core.clock.forward(seconds=1)

    assert await published(core) == [new]
    assert (await states(core))[old] is State.RETIRED


async def test_the_clock_may_go_back(core):
    old = key_of(await signed_in(core))
    await rotate(core, Manner.ANNOUNCED)
    core.clock.forward(days=1)
    assert key_of(await signed_in(core)) != old

    core.clock.back_to_the_present()

    assert key_of(await signed_in(core)) == old


async def test_keys_are_replaced_by_themselves_in_time(core):
    old = await signed_in(core)
    core.clock.forward(seconds=(EVERY - OVERLAP).total_seconds() - 60)
    await core.domain.keyring.load()
    assert await published(core) == [key_of(old)]

    core.clock.forward(seconds=120)
    await core.domain.keyring.load()
    await core.domain.keyring.load()

    assert len(await published(core)) == 2
    assert set((await states(core)).values()) == {State.SIGNING, State.PENDING}
    assert (await core.events(action="auth.rotate_keys"))[-1].details["manner"] == "scheduled"


async def test_a_key_that_signs_at_once_leaves_older_tokens_alone(core):
    before = await signed_in(core)

    new = await rotate(core, Manner.IMMEDIATE)

    after = await signed_in(core)
    assert key_of(after) == new
    assert await works(core, before)
    assert await works(core, after)


async def test_a_key_that_waits_is_the_one_that_signs_at_once(core):
    waiting = await rotate(core, Manner.ANNOUNCED)

    assert await rotate(core, Manner.IMMEDIATE) == waiting

    assert key_of(await signed_in(core)) == waiting
    assert sorted((await states(core)).values()) == [State.SIGNING, State.VERIFYING]


async def test_an_emergency_leaves_nothing_of_older_keys(core):
    before = await signed_in(core)
    await works(core, before)
    await rotate(core, Manner.ANNOUNCED)

    new = await rotate(core, Manner.EMERGENCY)

    await is_refused(core, before)
    assert await published(core) == [new]
    request = auth_pb2.RefreshTokensRequest(refresh_token=before.tokens.refresh_token)
    assert (await core.auth.RefreshTokens(request)).tokens.access_token


async def test_an_emergency_reaches_every_process_by_itself(core, database_url, valkey_url):
    async with contextlib.AsyncExitStack() as stack:
        others = [
            await stack.enter_async_context(running_core(core_settings(database_url, valkey_url)))
            for _ in range(2)
        ]
        answer = await signed_in(core)
        for each in (core, *others):
            await works(each, answer)
            await soon(each.domain.changes.is_live)

        new = (await core.domain.key_rotation.rotate(Manner.EMERGENCY)).key.key_id

        for each in (core, *others):
            await soon(lambda each=each: [*each.domain.keyring.verifying()] == [new])
            await is_refused(each, answer)
            assert await published(each) == [new]


async def test_processes_whose_clock_is_behind_are_not_fooled(core):
    before = await signed_in(core)
    core.clock.forward(hours=1)
    new = (await core.domain.key_rotation.rotate(Manner.EMERGENCY)).key.key_id
    core.clock.back_to_the_present()

    await core.domain.keyring.load()

    await is_refused(core, before)
    assert key_of(await signed_in(core)) == new


async def test_each_rotation_leaves_one_event(core):
    for manner, expected in (
        (Manner.ANNOUNCED, "announced"),
        (Manner.IMMEDIATE, "immediate"),
        (Manner.EMERGENCY, "emergency"),
    ):
        before = await core.events(action="auth.rotate_keys")

        key_id = await rotate(core, manner)

        events = (await core.events(action="auth.rotate_keys"))[len(before) :]
        assert [event.details["manner"] for event in events] == [expected]
        assert events[0].details["key_id"] == key_id
        assert events[0].actor_type == "system"


async def test_waiting_for_a_key_that_waits_already_is_no_event(core):
    first = await rotate(core, Manner.ANNOUNCED)
    count = await core.event_count()

    assert await rotate(core, Manner.ANNOUNCED) == first
    assert await core.event_count() == count


@pytest.mark.parametrize(
    ("manner", "live"), [(Manner.ANNOUNCED, 2), (Manner.EMERGENCY, 1), (Manner.IMMEDIATE, 51)]
)
async def test_fifty_rotations_at_once_come_one_after_another(core, manner, live):
    answer = await signed_in(core)

    await asyncio.gather(*(core.domain.key_rotation.rotate(manner) for _ in range(50)))

    await core.domain.keyring.load()
    assert len(await published(core)) == live
    assert list((await states(core)).values()).count(State.SIGNING) == 1
    assert await works(core, await signed_in(core))
    if manner is not Manner.EMERGENCY:
        assert await works(core, answer)


async def test_fifty_starts_on_an_empty_table_make_one_key(core):
    await core.sql("DELETE FROM auth.signing_keys")

    await asyncio.gather(*(core.domain.key_rotation.keep_up() for _ in range(50)))

    assert len(await core.domain.key_rotation.keys()) == 1


async def test_fifty_who_find_that_it_is_time_make_one_key(core):
    core.clock.forward(days=90)

    await asyncio.gather(*(core.domain.key_rotation.keep_up() for _ in range(50)))

    assert sorted((await states(core)).values()) == [State.PENDING, State.SIGNING]


async def test_who_lacks_the_root_secret_verifies_and_makes_a_key(core, database_url, valkey_url):
    old = await signed_in(core)
    secret = base64.urlsafe_b64encode(b"t" * 32).decode()
    settings = core_settings(database_url, valkey_url, secret_key=secret)

    async with running_core(settings) as other:
        assert await works(other, old)
        new = await other.sign_in(old.user.email)
        assert key_of(new) != key_of(old)
        await core.domain.keyring.load()
        # Each signs with the newest key that it can unseal, and verifies with both.
        assert key_of(await signed_in(core)) == key_of(old)
        assert await works(core, new)
        events = await core.events(action="auth.rotate_keys")
        assert events[-1].details["manner"] == "replacement"


async def test_the_private_half_is_sealed(core):
    await signed_in(core)
    _, key = core.domain.keyring.signing()

    for row in await core.domain.key_rotation.keys():
        assert key.private_bytes_raw() not in row.sealed
