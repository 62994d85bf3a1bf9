"""PostgreSQL as the core sees it: transactions, and everything that can be in their way."""

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from server import errors
from server.platform.database import Database, announce, connection_arguments, is_outage
from tests.eventually import soon

SLEEPING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event = 'PgSleep'
"""


class _OfTheTestError(Exception):
    """Raised to leave a block."""


@asynccontextmanager
async def connected(url: str):
    connection = await asyncpg.connect(**connection_arguments(url))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def owner(database_url):
    async with connected(database_url) as connection:
        yield connection


@pytest.fixture
async def database(database_url):
    database = Database(url=database_url, pool=2, pool_timeout=0.2, name="limen-test")
    yield database
    await database.close()


async def run(database: Database, statement: str, **values: object):
    async with database.transaction() as tx:
        return await tx.execute(text(statement), values)


async def refusal_of(work) -> errors.Unavailable:
    with pytest.raises(errors.Unavailable) as refusal:
        await work
    return refusal.value


@pytest.fixture
async def rows(owner):
    """A table with two rows that transactions can get in each other's way over."""
    await owner.execute("DROP TABLE IF EXISTS public.rows")
    await owner.execute("CREATE TABLE public.rows (id int PRIMARY KEY, n int NOT NULL)")
    await owner.execute("INSERT INTO public.rows VALUES (1, 0), (2, 0)")
    await owner.execute("GRANT ALL ON public.rows TO limen_app")


@pytest.mark.usefixtures("rows")
class TestTransactions:
    async def test_a_block_that_ends_has_committed(self, database, owner):
        await run(database, "UPDATE public.rows SET n = 1")

        assert await owner.fetchval("SELECT sum(n) FROM public.rows") == 2

    async def test_a_block_that_raises_has_not(self, database, owner):
        with suppress(_OfTheTestError):
            async with database.transaction() as tx:
                await tx.execute(text("UPDATE public.rows SET n = 1"))
                raise _OfTheTestError

        assert await owner.fetchval("SELECT sum(n) FROM public.rows") == 0

    async def test_requests_run_under_the_role_that_may_least(self, database):
        found = (await run(database, "SELECT current_user, current_setting('TimeZone')")).one()

        assert tuple(found) == ("limen_app", "UTC")

    async def test_listeners_hear_of_a_change_once_it_can_be_read(self, database, owner):
        heard, gone = [], asyncio.Event()
        database.on_change(lambda kind, key: (heard.append((kind, key)), gone.set()))

        async with database.transaction() as tx:
            await tx.execute(text("UPDATE public.rows SET n = 7"))
            announce(tx, "user", "1")
            announce(tx, "session", "2")
            assert not heard
        await asyncio.wait_for(gone.wait(), 10)

        assert heard == [("user", "1"), ("session", "2")]
        assert await owner.fetchval("SELECT sum(n) FROM public.rows") == 14

    async def test_rows_and_the_connection_beside_them_are_one_transaction(self, database, owner):
        with suppress(_OfTheTestError):
            async with database.transaction() as tx:
                await tx.execute(text("UPDATE public.rows SET n = 1 WHERE id = 1"))
                await tx.pg.execute("UPDATE public.rows SET n = n + 1")
                assert await tx.scalar(text("SELECT sum(n) FROM public.rows")) == 3
                raise _OfTheTestError

        assert await owner.fetchval("SELECT sum(n) FROM public.rows") == 0

    async def test_a_statement_that_failed_spoils_its_transaction_alone(self, database, owner):
        for use in ("pg", "sqlalchemy"):
            with suppress(asyncpg.PostgresError, DBAPIError):
                async with database.transaction() as tx:
                    await tx.pg.execute("UPDATE public.rows SET n = 9")
                    if use == "pg":
                        await tx.pg.execute("SELECT 1/0")
                    await tx.execute(text("SELECT 1/0"))

        await run(database, "UPDATE public.rows SET n = 1")
        assert await owner.fetchval("SELECT sum(n) FROM public.rows") == 2

    async def test_they_do_not_hear_of_what_was_taken_back(self, database):
        heard = []
        database.on_change(lambda kind, key: heard.append((kind, key)))

        with suppress(_OfTheTestError):
            async with database.transaction() as tx:
                announce(tx, "user", "1")
                raise _OfTheTestError

        assert not heard


@pytest.mark.usefixtures("rows")
class TestStatements:
    async def test_each_has_committed_when_it_returns(self, database, owner):
        async with database.statements() as pg:
            await pg.execute("UPDATE public.rows SET n = 1")
            assert await owner.fetchval("SELECT sum(n) FROM public.rows") == 2
            with pytest.raises(asyncpg.UniqueViolationError):
                await pg.execute("INSERT INTO public.rows VALUES (1, 1)")
            await pg.execute("UPDATE public.rows SET n = 2")

        assert await owner.fetchval("SELECT sum(n) FROM public.rows") == 4

    async def test_they_run_under_the_role_that_may_least(self, database):
        async with database.statements() as pg:
            assert await pg.fetchval("SELECT current_user") == "limen_app"

    async def test_one_that_is_cancelled_ends_and_leaves_the_pool_whole(self, database, owner):
        async def sleep() -> None:
            async with database.statements() as pg:
                await pg.execute("SELECT pg_sleep(120)")

        for _ in range(3):
            call = asyncio.create_task(sleep())
            await soon(lambda: owner.fetchval(SLEEPING))
            call.cancel()
            await asyncio.wait([call])
            await soon(lambda: is_zero(owner.fetchval(SLEEPING)))

        await asyncio.gather(database.ping(), database.ping())

    async def test_a_connection_that_breaks_is_an_outage(self, database, owner):
        async def work() -> None:
            async with database.statements() as pg:
                pid = await pg.fetchval("SELECT pg_backend_pid()")
                await owner.execute("SELECT pg_terminate_backend($1, 5000)", pid)
                await pg.execute("SELECT 1")

        await refusal_of(work())
        await database.ping()


@pytest.mark.usefixtures("rows")
class TestOutages:
    async def test_a_pool_that_is_used_up_refuses_with_a_hint(self, database):
        async with AsyncExitStack() as held, asyncio.timeout(20):
            for _ in range(2):
                tx = await held.enter_async_context(database.transaction())
                await tx.execute(text("SELECT 1"))
            refused = await asyncio.gather(*(refusal_of(database.ping()) for _ in range(5)))

        assert {each.retry_after for each in refused} == {1.0}
        await database.ping()

    async def test_a_server_that_is_not_there(self, tmp_path):
        url = f"postgresql+asyncpg://limen@/limen?host={tmp_path}"
        database = Database(url=url, pool=2, pool_timeout=0.2, name="limen-test")

        assert (await refusal_of(database.ping())).retry_after == 1.0
        await database.close()

    async def test_a_server_that_takes_the_connection_and_says_nothing(self):
        silent = socket.create_server(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        url = f"postgresql+asyncpg://limen@127.0.0.1:{port}/limen"
        database = Database(url=url, pool=2, pool_timeout=0.2, name="limen-test")

        async with asyncio.timeout(20):
            await refusal_of(database.ping())
        await database.close()
        silent.close()

    async def test_a_connection_that_breaks_within_a_transaction(self, database, owner):
        async def work() -> None:
            async with database.transaction() as tx:
                pid = (await tx.execute(text("SELECT pg_backend_pid()"))).scalar_one()
                await owner.execute("SELECT pg_terminate_backend($1, 5000)", pid)
                await tx.execute(text("SELECT 1"))

        await refusal_of(work())
        await database.ping()

    async def test_a_connection_whose_protocol_is_out_of_step_is_not_used_again(self, database):
        async def work() -> None:
            async with database.transaction() as tx:
                broken.append(tx.pg)
                raise asyncpg.InternalClientError("cannot switch to state 12")

        broken: list[asyncpg.Connection] = []
        await refusal_of(work())

        assert broken[0].is_closed()
        await database.ping()

    async def test_connections_that_broke_while_they_lay_idle_are_replaced(self, database, owner):
        async with database.transaction() as one, database.transaction() as other:
            pids = [
                (await tx.execute(text("SELECT pg_backend_pid()"))).scalar_one()
                for tx in (one, other)
            ]
        for pid in pids:
            await owner.execute("SELECT pg_terminate_backend($1, 5000)", pid)

        await asyncio.gather(database.ping(), database.ping())

    async def test_a_deadlock_fails_one_and_spares_the_other(self, database, owner):
        both = asyncio.Barrier(2)

        async def update(first: int, second: int) -> None:
            async with database.transaction() as tx:
                await tx.execute(
                    text("UPDATE public.rows SET n = n + 1 WHERE id = :id"), {"id": first}
                )
                await both.wait()
                await tx.execute(
                    text("UPDATE public.rows SET n = n + 1 WHERE id = :id"), {"id": second}
                )

        async with asyncio.timeout(20):
            ends = await asyncio.gather(update(1, 2), update(2, 1), return_exceptions=True)

        assert sorted(type(end).__name__ for end in ends) == ["NoneType", "Unavailable"]
        assert await owner.fetchval("SELECT sum(n) FROM public.rows") == 2

    async def test_a_write_that_came_too_late_can_be_tried_again(self, database, owner):
        async def work() -> None:
            async with database.transaction() as tx:
                await tx.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
                await tx.execute(text("SELECT n FROM public.rows"))
                await owner.execute("UPDATE public.rows SET n = 5")
                await tx.execute(text("UPDATE public.rows SET n = 6"))

        await refusal_of(work())
        assert await owner.fetchval("SELECT sum(n) FROM public.rows") == 10

    @pytest.mark.parametrize(
        "error",
        [
            asyncpg.TooManyConnectionsError("full"),
            asyncpg.CannotConnectNowError("starting up"),
            asyncpg.AdminShutdownError("stopping"),
            asyncpg.DiskFullError("full"),
            asyncpg.InternalClientError(
                "cannot switch to state 12; another operation is in progress"
            ),
            ConnectionResetError(),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_what_passes_counts_as_an_outage(self, error):
        wrapped = RuntimeError()
        wrapped.__cause__ = error

        assert is_outage(error)
        assert is_outage(wrapped)

    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT 1/0",
            "INSERT INTO public.rows VALUES (1, 1)",
            "SELECT nothing",
            "DROP TABLE rows",
        ],
    )
    async def test_a_defect_is_no_outage(self, database, statement):
        with pytest.raises(DBAPIError):
            await run(database, statement)


class TestCancelling:
    @pytest.mark.parametrize("how", ["cancelled", "timed out"])
    async def test_a_query_ends_with_its_call(self, database, owner, how):
        call = asyncio.create_task(run(database, "SELECT pg_sleep(120)"))
        await soon(lambda: owner.fetchval(SLEEPING))
        if how == "cancelled":
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        else:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await call

        await soon(lambda: is_zero(owner.fetchval(SLEEPING)))

    async def test_cancelled_calls_give_their_connections_back(self, database, owner):
        for _ in range(6):
            call = asyncio.create_task(run(database, "SELECT pg_sleep(120)"))
            await soon(lambda: owner.fetchval(SLEEPING))
            call.cancel()
            await asyncio.wait([call])

        await asyncio.gather(database.ping(), database.ping())


async def is_zero(count) -> bool:
    return await count == 0


async def test_an_error_does_not_quote_what_the_statement_was_about(database):
    with pytest.raises(DBAPIError) as failure:
        await run(database, "SELECT 1/0, CAST(:email AS text)", email="ada@example.com")

    assert "ada@example.com" not in str(failure.value)
