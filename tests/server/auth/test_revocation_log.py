"""Following the log of revocations: nothing is left out, whatever commits when."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from server import errors
from server.auth import revocation_log
from server.auth.revocation_log import BATCH, REMEMBERED_FOR, Place, Revocation
from server.auth.revocations import Revocations
from server.auth.subscription import Subscription
from server.platform.database import Database, connection_arguments

WITHIN = 20
ADD = "INSERT INTO auth.revocations (session_id, time) VALUES ($1, now())"


@pytest.fixture
async def database(database_url):
    database = Database(url=database_url, pool=10, pool_timeout=20, name="test")
    async with database.statements() as pg:
        await pg.execute("DELETE FROM auth.revocations")
    yield database
    await database.close()


@pytest.fixture
async def connect(database_url):
    """Opens connections of somebody else."""
    async with contextlib.AsyncExitStack() as stack:

        async def connect():
            connection = await asyncpg.connect(**connection_arguments(database_url))
            stack.push_async_callback(connection.close)
            return connection

        yield connect


@dataclass
class Follower:
    """Revocations that are being followed, with notices or without."""

    revocations: Revocations
    hears: bool = True
    tasks: list[asyncio.Task] = field(default_factory=list)


@pytest.fixture
async def follower(database):
    made = Follower(revocations=Revocations(database=database, hears_all=lambda: made.hears))
    made.tasks.append(asyncio.create_task(made.revocations.run()))
    yield made
    for task in made.tasks:
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)


class Watcher:
    """Reads a stream for as long as a block lasts."""

    def __init__(self, revocations: Revocations, cursor: str = "") -> None:
        self.cursor = cursor
        self.seen: set[UUID] = set()
        self.messages = []
        self._news = revocations.watch(cursor)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self._news.aclose()

    async def read(self):
        news = await asyncio.wait_for(anext(self._news), WITHIN)
        self.messages.append(news)
        self.seen |= {row.session_id for row in news.revocations}
        self.cursor = news.cursor or self.cursor
        return news

    async def until(self, *session_ids):
        async with asyncio.timeout(WITHIN):
            while not self.seen >= set(session_ids):
                await self.read()

    async def through_the_backlog(self):
        while not (await self.read()).cursor:
            pass


async def add(connection):
    session_id = uuid4()
    await connection.execute(ADD, session_id)
    return session_id


async def test_a_stream_begins_with_what_ended_before(follower, connect):
    ended = [await add(await connect()) for _ in range(3)]

    async with Watcher(follower.revocations) as watcher:
        await watcher.through_the_backlog()

    assert watcher.seen == set(ended)


async def test_a_cursor_goes_on_where_it_was(follower, connect):
    connection = await connect()
    before = await add(connection)
    async with Watcher(follower.revocations) as watcher:
        await watcher.until(before)
        await watcher.through_the_backlog()
    after = await add(connection)

    async with Watcher(follower.revocations, watcher.cursor) as again:
        await again.through_the_backlog()

    assert again.seen == {after}


async def test_what_commits_late_is_told_after_a_break(follower, connect):
    slow, quick = await connect(), await connect()
    transaction = slow.transaction()
    await transaction.start()
    late = await add(slow)
    early = await add(quick)
    async with Watcher(follower.revocations) as watcher:
        await watcher.until(early)
        await watcher.through_the_backlog()
    assert late not in watcher.seen

    await transaction.commit()

    async with Watcher(follower.revocations, watcher.cursor) as again:
        await again.through_the_backlog()
    assert late in again.seen


async def test_what_commits_late_is_told_while_it_streams(follower, connect):
    slow, quick = await connect(), await connect()
    transaction = slow.transaction()
    await transaction.start()
    late = await add(slow)
    async with Watcher(follower.revocations) as watcher:
        await watcher.through_the_backlog()
        early = [await add(quick) for _ in range(3)]
        await watcher.until(*early)
        await watcher.read()
        await transaction.commit()

        await watcher.until(late)

        told = [row.session_id for news in watcher.messages for row in news.revocations]
        assert len(told) == len(set(told))


async def test_nothing_is_lost_among_many_who_write_and_break_off(follower, connect):
    """Watchers who begin again all the time, while transactions overlap in every way."""
    ended: list[UUID] = []
    done = asyncio.Event()

    async def write(number):
        connection = await connect()
        for turn in range(20):
            async with connection.transaction():
                session_id = await add(connection)
                await asyncio.sleep(0.001 * ((number * 7 + turn * 3) % 11))
            ended.append(session_id)

    async def watch():
        cursor, seen = "", set()
        while not (done.is_set() and seen >= set(ended)):
            async with Watcher(follower.revocations, cursor) as watcher:
                await watcher.through_the_backlog()
                for _ in range(2):
                    await watcher.read()
            cursor, seen = watcher.cursor, seen | watcher.seen

    async with asyncio.timeout(120):
        watchers = [asyncio.create_task(watch()) for _ in range(3)]
        await asyncio.gather(*(write(number) for number in range(10)))
        done.set()
        await asyncio.gather(*watchers)


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "0" * 32,
        "0" * 32 + ".1",
        "0" * 32 + ".-1",
        "{run}",
        "{run}.",
        "{run}.1.1",
        "{run}.9223372036854775807",
        "{run}.9223372036854775808",
        "{run}.99999999999999999999999999999",
        "{run}.\u0661",
    ],
)
async def test_a_cursor_that_is_none_begins_anew(follower, connect, database, cursor):
    ended = await add(await connect())
    run = (await revocation_log.present(database)).run

    async with Watcher(follower.revocations, cursor.format(run=run)) as watcher:
        await watcher.through_the_backlog()

    assert ended in watcher.seen


async def test_a_cursor_of_another_database_begins_anew(follower, connect, database):
    ended = await add(await connect())
    place = await revocation_log.present(database)
    foreign = Place(run="f" * 32, xmin=place.xmin)

    async with Watcher(follower.revocations, foreign.pack()) as watcher:
        await watcher.through_the_backlog()

    assert ended in watcher.seen


async def test_who_watches_when_the_database_is_exchanged_is_told_all_again(follower, connect):
    ended = await add(await connect())
    async with Watcher(follower.revocations) as watcher:
        await watcher.through_the_backlog()
        watcher.seen.clear()
        place = follower.revocations._place
        follower.revocations._place = Place(run="e" * 32, xmin=place.xmin)

        await watcher.until(ended)


async def test_a_very_old_cursor_brings_all_that_is_kept(follower, connect, database):
    ended = await add(await connect())
    run = (await revocation_log.present(database)).run

    async with Watcher(follower.revocations, Place(run, 0).pack()) as watcher:
        await watcher.through_the_backlog()

    assert ended in watcher.seen


async def test_a_long_backlog_comes_in_batches(follower, connect):
    connection = await connect()
    await connection.execute(
        "INSERT INTO auth.revocations (session_id, time)"
        " SELECT gen_random_uuid(), now() FROM generate_series(1, $1)",
        2 * BATCH + 500,
    )

    async with Watcher(follower.revocations) as watcher:
        await watcher.through_the_backlog()

    assert [len(news.revocations) for news in watcher.messages] == [BATCH, BATCH, 500]
    assert [bool(news.cursor) for news in watcher.messages] == [False, False, True]
    assert len(watcher.seen) == 2 * BATCH + 500


async def test_every_look_is_a_sign_of_life(follower):
    async with Watcher(follower.revocations) as watcher:
        await watcher.through_the_backlog()
        beats = [await watcher.read() for _ in range(3)]

    assert all(news.cursor and not news.revocations for news in beats)


async def test_without_notices_there_is_no_sign_of_life_but_revocations_are_told(follower, connect):
    async with Watcher(follower.revocations) as watcher:
        await watcher.through_the_backlog()
        await watcher.read()
        follower.hears = False
        reading = asyncio.create_task(watcher.read())
        # One look may have been on its way.
        await asyncio.wait({reading}, timeout=1.2)
        if reading.done():
            reading = asyncio.create_task(watcher.read())
            await asyncio.wait({reading}, timeout=1.2)
        assert not reading.done()

        ended = await add(await connect())

        assert [row.session_id for row in (await reading).revocations] == [ended]


async def test_the_first_message_has_keys_read_and_so_does_a_change(follower):
    async with Watcher(follower.revocations) as watcher:
        assert (await watcher.read()).keys_changed
        assert not (await watcher.read()).keys_changed

        follower.revocations.keys_changed()

        assert (await watcher.read()).keys_changed


async def test_closing_ends_every_stream_at_once(follower):
    async with Watcher(follower.revocations) as watcher:
        await watcher.through_the_backlog()
        await watcher.read()

        follower.revocations.close()

        with pytest.raises(errors.Unavailable):
            await watcher.read()
    async with Watcher(follower.revocations) as late:
        with pytest.raises(errors.Unavailable):
            await late.read()


async def test_a_revocation_is_remembered_for_longer_than_any_token_lives():
    now = datetime.now(UTC)
    revocation = Revocation(xid=1, revocation_id=1, session_id=uuid4(), time=now)

    assert revocation.forget_time == now + REMEMBERED_FOR
    assert timedelta(hours=1) < REMEMBERED_FOR


class TestSubscription:
    def rows(self, count):
        now = datetime.now(UTC)
        return [Revocation(1, number, uuid4(), now) for number in range(count)]

    async def test_what_was_not_taken_makes_one_message(self):
        subscription, rows = Subscription(), self.rows(5)
        subscription.tell(rows[:2], "a")
        subscription.tell(rows[2:], "b")

        news = await subscription.next()

        assert (list(news.revocations), news.cursor) == (rows, "b")

    async def test_a_cursor_comes_when_everything_before_it_was_told(self):
        subscription = Subscription()
        subscription.tell(self.rows(BATCH + 1), "a", keys_changed=True)

        first, second = await subscription.next(), await subscription.next()

        assert (len(first.revocations), first.cursor, first.keys_changed) == (BATCH, "", False)
        assert (len(second.revocations), second.cursor, second.keys_changed) == (1, "a", True)

    async def test_who_is_too_slow_has_to_begin_again(self):
        subscription = Subscription()
        for _ in range(11):
            subscription.tell(self.rows(BATCH), "a")

        with pytest.raises(errors.Unavailable):
            await subscription.next()
