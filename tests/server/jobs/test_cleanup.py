"""Clearing away what has expired, and nothing else."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from server.auth import sweeps as auth_sweeps
from server.auth.model import OneTimeTokenRow, RevocationRow, SessionRow, SigningKeyRow
from server.auth.revocation_log import REMEMBERED_FOR
from server.factors import sweeps as factor_sweeps
from server.factors.model import CeremonyRow
from server.jobs import sweeps as job_sweeps
from server.jobs.cleanup import Cleanup, Sweep, _alone
from server.jobs.model import OutboxRow
from server.platform.clock import Entropy
from server.users import sweeps as user_sweeps
from server.users.lockout import KNOWN_FOR
from server.users.model import KnownNetworkRow, SignInFailuresRow, UserRow

ENTROPY = Entropy()


@pytest.fixture
def cleanup(database, clock):
    def make(*sweeps, entropy=ENTROPY):
        return Cleanup(database=database, sweeps=sweeps, clock=clock, entropy=entropy)

    return make


@pytest.fixture
def add(database):
    async def add(row, **values):
        async with database.transaction() as tx:
            tx.add(row(**values))
            await tx.flush()

    return add


@pytest.fixture
def left(database):
    async def left(column):
        async with database.transaction() as tx:
            return set(await tx.scalars(select(column)))

    return left


@pytest.fixture
async def user_id(add, clock):
    user_id = ENTROPY.identifier()
    now = clock.now()
    await add(
        UserRow,
        user_id=user_id,
        email="ada@example.org",
        email_key="ada@example.org",
        email_verified=False,
        display_name="Ada",
        locale="en",
        state="active",
        kind="person",
        version=1,
        create_time=now,
        update_time=now,
    )
    return user_id


def job(now: datetime, **ends: timedelta) -> dict[str, object]:
    times = {name: now - age for name, age in ends.items()}
    long_ago = now - timedelta(days=365)
    return {
        "job_id": ENTROPY.identifier(),
        "kind": "greet",
        "args": {},
        "create_time": long_ago,
        "due_time": long_ago,
        "attempts": 1,
        **times,
    }


async def test_jobs_done_stay_a_day_and_dead_ones_thirty(cleanup, add, left, clock):
    now, second = clock.now(), timedelta(seconds=1)
    gone = [
        job(now, done_time=timedelta(days=1) + second),
        job(now, dead_time=timedelta(days=30) + second),
    ]
    stay = [
        job(now),
        job(now, done_time=timedelta(days=1) - second),
        job(now, dead_time=timedelta(days=30) - second),
    ]
    for values in gone + stay:
        await add(OutboxRow, **values)
    await cleanup(*job_sweeps.sweeps()).sweep()
    assert await left(OutboxRow.job_id) == {values["job_id"] for values in stay}


async def test_sessions_stay_a_week_after_their_end(cleanup, add, left, clock, user_id):
    now, week, second = clock.now(), timedelta(days=7), timedelta(seconds=1)

    async def session(expire_time, revoke_time=None):
        session_id = ENTROPY.identifier()
        await add(
            SessionRow,
            session_id=session_id,
            user_id=user_id,
            create_time=now,
            last_use_time=now,
            expire_time=expire_time,
            proof_time=now,
            amr=["pwd"],
            user_agent="",
            network="",
            refresh_generation=0,
            revoke_time=revoke_time,
        )
        return session_id

    await session(now - week - second)
    await session(now + week, now - week - second)
    stay = {
        await session(now + week),
        await session(now - week + second),
        await session(now + week, now - week + second),
    }
    await cleanup(*auth_sweeps.sweeps()).sweep()
    assert await left(SessionRow.session_id) == stay


async def test_tokens_stay_a_day_and_the_last_open_sign_up_until_it_is_closed(
    cleanup, add, left, clock, user_id
):
    now, day, second = clock.now(), timedelta(days=1), timedelta(seconds=1)

    async def token(purpose, expire_time, consume_time=None, encoded=None):
        token_id = ENTROPY.identifier()
        await add(
            OneTimeTokenRow,
            token_id=token_id,
            token_hash=token_id.bytes,
            purpose=purpose,
            user_id=user_id,
            create_time=now,
            expire_time=expire_time,
            consume_time=consume_time,
            encoded=encoded,
        )
        return token_id

    old = now - day - second
    await token("reset_password", old)
    await token("notice", old, encoded="of nobody")
    await token("verify_email", old, encoded="superseded")
    await token("verify_email", old, consume_time=old, encoded="used")
    stay = {
        await token("verify_email", old, encoded="the only password there is"),
        await token("reset_password", now - day + second),
    }
    await token("verify_email", old)
    await token("verify_email", old, consume_time=old, encoded="used later")
    await cleanup(*auth_sweeps.sweeps()).sweep()
    assert await left(OneTimeTokenRow.token_id) == stay


async def test_revocations_stay_while_a_token_could_outlive_them(cleanup, add, left, clock):
    stays, second = REMEMBERED_FOR + timedelta(minutes=10), timedelta(seconds=1)
    for number, age in ((1, stays + second), (2, stays - second)):
        await add(
            RevocationRow,
            revocation_id=number,
            session_id=ENTROPY.identifier(),
            time=clock.now() - age,
        )
    await cleanup(*auth_sweeps.sweeps()).sweep()
    assert await left(RevocationRow.revocation_id) == {2}


async def test_signing_keys_stay_a_month_after_they_retired(cleanup, add, left, clock):
    month, second = timedelta(days=30), timedelta(seconds=1)
    ends = {"old": month + second, "new": month - second, "next": -month, "live": None}
    for key_id, age in ends.items():
        await add(
            SigningKeyRow,
            key_id=key_id,
            public_key=b"",
            sealed=b"",
            create_time=clock.now(),
            activate_time=clock.now(),
            retire_time=None if age is None else clock.now() - age,
        )
    await cleanup(*auth_sweeps.sweeps()).sweep()
    assert await left(SigningKeyRow.key_id) == {"new", "next", "live"}


async def test_ceremonies_stay_an_hour_after_they_expired(cleanup, add, left, clock):
    hour, second = timedelta(hours=1), timedelta(seconds=1)
    for challenge, age in ((b"old", hour + second), (b"new", hour - second)):
        await add(
            CeremonyRow,
            ceremony_id=ENTROPY.identifier(),
            token_hash=challenge,
            purpose="sign_in",
            challenge=challenge,
            create_time=clock.now() - age,
            expire_time=clock.now() - age,
        )
    await cleanup(*factor_sweeps.sweeps()).sweep()
    assert await left(CeremonyRow.challenge) == {b"new"}


async def test_failures_stay_a_day_and_for_as_long_as_they_lock(cleanup, add, left, clock):
    now, day, second = clock.now(), timedelta(days=1), timedelta(seconds=1)

    async def failures(key, last_attempt, locked_until=None):
        await add(
            SignInFailuresRow,
            account_key=key,
            network="",
            attempts=1,
            failures=1,
            locks=0,
            last_attempt=last_attempt,
            locked_until=locked_until,
        )

    await failures(b"old", now - day - second)
    await failures(b"old and unlocked", now - day - second, now - second)
    await failures(b"never tried", None)
    await failures(b"new", now - day + second)
    await failures(b"locked", now - day - second, now + second)
    await cleanup(*user_sweeps.sweeps()).sweep()
    assert await left(SignInFailuresRow.account_key) == {b"new", b"locked"}


async def test_networks_stay_as_long_as_they_count(cleanup, add, left, clock):
    second = timedelta(seconds=1)
    for key, age in ((b"old", KNOWN_FOR + second), (b"new", KNOWN_FOR - second)):
        last = clock.now() - age
        await add(KnownNetworkRow, account_key=key, network="", last_success=last)
    await cleanup(*user_sweeps.sweeps()).sweep()
    assert await left(KnownNetworkRow.account_key) == {b"new"}


async def test_goes_on_until_nothing_is_left(cleanup, add, left, clock, monkeypatch):
    monkeypatch.setattr("server.jobs.cleanup._BATCH", 2)
    for _ in range(5):
        await add(OutboxRow, **job(clock.now(), done_time=timedelta(days=2)))
    await cleanup(*job_sweeps.sweeps()).sweep()
    assert await left(OutboxRow.job_id) == set()


async def test_leaves_rows_in_use_for_next_time(cleanup, add, left, clock, database):
    await add(OutboxRow, **job(clock.now(), done_time=timedelta(days=2)))
    async with database.transaction() as tx:
        await tx.execute(select(OutboxRow).with_for_update())
        await asyncio.wait_for(cleanup(*job_sweeps.sweeps()).sweep(), 20)
    assert len(await left(OutboxRow.job_id)) == 1


async def test_leaves_the_field_to_a_worker_that_is_at_it(cleanup, add, left, clock, database):
    await add(OutboxRow, **job(clock.now(), done_time=timedelta(days=2)))
    started, finish = asyncio.Event(), asyncio.Event()

    class Slow(Cleanup):
        async def _batch(self, _sweep):
            async with database.transaction() as tx:
                assert await _alone(tx)
                started.set()
                await finish.wait()
            return 0

    slow = Slow(database=database, sweeps=job_sweeps.sweeps()[:1], clock=clock, entropy=ENTROPY)
    working = asyncio.create_task(slow.sweep())
    await started.wait()
    await cleanup(*job_sweeps.sweeps()).sweep()
    assert len(await left(OutboxRow.job_id)) == 1
    finish.set()
    await working
    await cleanup(*job_sweeps.sweeps()).sweep()
    assert await left(OutboxRow.job_id) == set()


async def test_runs_again_and_again(cleanup, add, left, clock, monkeypatch):
    monkeypatch.setattr("server.jobs.cleanup._SECONDS_BEFORE_THE_FIRST", 0)
    monkeypatch.setattr("server.jobs.cleanup._SECONDS_BETWEEN", 0.01)
    swept = asyncio.Queue()
    first, *_ = job_sweeps.sweeps()

    def statement(now, size):
        swept.put_nowait(None)
        return first.statement(now, size)

    task = asyncio.create_task(cleanup(Sweep("seen", statement)).run())
    for _ in range(3):
        await asyncio.wait_for(swept.get(), 20)
    await add(OutboxRow, **job(clock.now(), done_time=timedelta(days=2)))
    while swept.qsize():
        swept.get_nowait()
    for _ in range(2):
        await asyncio.wait_for(swept.get(), 20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await left(OutboxRow.job_id) == set()


def test_every_sweep_has_a_name_of_its_own():
    sweeps = [*auth_sweeps.sweeps(), *user_sweeps.sweeps(), *job_sweeps.sweeps()]
    assert len({sweep.name for sweep in sweeps}) == len(sweeps) > 6
