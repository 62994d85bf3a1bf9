"""What a sign-in asks of PostgreSQL: little, and the same whether or not there is an account."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from tests.server.running_core import refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

FEW = 8


@contextmanager
def heard(core) -> Iterator[list[str]]:
    """The statements that the core sends meanwhile, BEGIN and COMMIT included."""
    statements: list[str] = []
    engine = core.domain.database._engine.sync_engine

    def note(logged) -> None:
        statements.append(logged.query)

    def listen(adapted, *_) -> None:
        adapted.driver_connection.add_query_logger(note)

    def unlisten(adapted, *_) -> None:
        adapted.driver_connection.remove_query_logger(note)

    event.listen(engine, "checkout", listen)
    event.listen(engine, "checkin", unlisten)
    try:
        yield statements
    finally:
        event.remove(engine, "checkout", listen)
        event.remove(engine, "checkin", unlisten)


async def test_a_sign_in_takes_few_round_trips(core):
    email = (await core.user()).user.email
    await core.sign_in(email)

    with heard(core) as statements:
        await core.sign_in(email)

    assert 1 < len(statements) <= FEW


async def test_known_and_unknown_addresses_make_the_same_statements(core):
    known, unknown = (await core.user()).user.email, core.fresh_email()
    asked = []

    for email in (known, unknown):
        with heard(core) as statements:
            await refused(core.sign_in(email, "a wrong password"))
        asked.append(statements)

    assert asked[0] == asked[1]


async def test_an_attempt_is_committed_before_its_password_is_looked_at(core, monkeypatch):
    email = (await core.user()).user.email
    hasher, seen = core.domain.hasher, []
    verify = hasher.verify

    async def look(password: str, encoded: str | None):
        # Another connection sees it, so it has been committed.
        rows = await core.sql("SELECT sum(attempts) FROM users.sign_in_failures WHERE network = ''")
        seen.append(rows[0][0])
        return await verify(password, encoded)

    await core.sql("DELETE FROM users.sign_in_failures")
    monkeypatch.setattr(hasher, "verify", look)
    await core.sign_in(email)

    assert seen == [1]
