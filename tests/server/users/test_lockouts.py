"""Counting attempts in PostgreSQL: many at once, from one network and from many."""

import asyncio
from contextlib import AsyncExitStack
from secrets import token_hex

import pytest

from server.auth import repository
from server.users.lockout import LockoutPolicy
from server.users.lockouts import Lockouts

pytestmark = pytest.mark.asyncio(loop_scope="module")

POLICY = LockoutPolicy(network_limit=10, account_limit=15)


@pytest.fixture
def lockouts(core) -> Lockouts:
    return Lockouts(vault=core.domain.vault, clock=core.clock, policy=POLICY)


@pytest.fixture
def email() -> str:
    return f"{token_hex(8)}@example.com"


async def read(core, place):
    async with core.domain.database.statements() as pg:
        return (await repository.candidate(pg, place, "nobody@example.com")).standing


async def reserve(core, lockouts, place) -> bool:
    """Reserves an attempt as a sign-in does; whether it may be made."""
    async with core.domain.database.statements() as pg:
        while True:
            standing = (await repository.candidate(pg, place, "nobody@example.com")).standing
            if lockouts.wait(standing) is not None:
                return False
            if await lockouts.reserve(pg, standing):
                return True


async def settle(core, settlement, place) -> None:
    async with core.domain.database.transaction() as tx:
        await settlement(tx, place)


async def attempts(core, lockouts, email, network) -> tuple[int, int]:
    """Those counted for the network, and for all unknown ones."""
    standing = await read(core, lockouts.place(email, network))
    return standing.here.attempts, standing.elsewhere.attempts


async def test_what_was_read_before_somebody_else_reserved_reserves_nothing(core, lockouts, email):
    place = lockouts.place(email, "192.0.2.1")
    async with AsyncExitStack() as stack:
        one, other = [
            await stack.enter_async_context(core.domain.database.statements()) for _ in range(2)
        ]
        standing = await read(core, place)

        assert await lockouts.reserve(one, standing)
        assert not await lockouts.reserve(other, standing)

    assert await attempts(core, lockouts, email, "192.0.2.1") == (1, 1)


@pytest.mark.parametrize("change", ["fail", "give_back", "succeed"])
async def test_every_settlement_makes_what_was_read_untrue(core, lockouts, email, change):
    place = lockouts.place(email, "192.0.2.1")
    assert await reserve(core, lockouts, place)
    standing = await read(core, place)

    await settle(core, getattr(lockouts, change), place)
    async with core.domain.database.statements() as pg:
        assert not await lockouts.reserve(pg, standing)


async def test_a_reservation_that_comes_too_late_in_one_row_leaves_none_in_the_other(
    core, lockouts, email
):
    here, there = (lockouts.place(email, f"192.0.2.{number}") for number in (1, 2))
    standing = await read(core, here)

    # It changes the row of everywhere, and not that of the first network.
    assert await reserve(core, lockouts, there)
    async with core.domain.database.statements() as pg:
        assert not await lockouts.reserve(pg, standing)

    assert await attempts(core, lockouts, email, "192.0.2.1") == (0, 1)


@pytest.mark.parametrize(
    ("networks", "admitted"), [(1, POLICY.network_limit), (50, POLICY.account_limit)]
)
async def test_fifty_at_once_get_no_more_than_the_limit(core, lockouts, email, networks, admitted):
    places = [lockouts.place(email, f"198.51.100.{number % networks}") for number in range(50)]

    results = await asyncio.gather(*(reserve(core, lockouts, place) for place in places))

    assert results.count(True) == admitted


async def test_those_given_back_make_room_for_others_and_never_for_too_many(core, lockouts, email):
    place = lockouts.place(email, "192.0.2.1")
    under_way = most = 0

    async def attempt() -> None:
        nonlocal under_way, most
        if not await reserve(core, lockouts, place):
            return
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        await settle(core, lockouts.give_back, place)
        under_way -= 1

    await asyncio.gather(*(attempt() for _ in range(60)))

    assert most <= POLICY.network_limit
    assert await attempts(core, lockouts, email, "192.0.2.1") == (0, 0)


async def test_a_known_network_counts_for_itself_alone(core, lockouts, email):
    place = lockouts.place(email, "192.0.2.1")
    assert await reserve(core, lockouts, place)
    await settle(core, lockouts.succeed, place)

    assert await reserve(core, lockouts, place)

    assert (await read(core, place)).is_known
    assert await attempts(core, lockouts, email, "192.0.2.1") == (1, 0)


async def test_a_lock_tells_how_long_it_lasts(core, lockouts, email):
    place = lockouts.place(email, "192.0.2.1")
    for _ in range(POLICY.network_limit):
        assert await reserve(core, lockouts, place)
        await settle(core, lockouts.fail, place)

    wait = lockouts.wait(await read(core, place))
    core.clock.forward(seconds=61)

    assert wait == pytest.approx(60, abs=5)
    assert await reserve(core, lockouts, place)
