"""What operators see of the outbox."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from server.jobs.metrics import BacklogGauge
from server.jobs.model import OutboxRow


@pytest.fixture
def gauge(database, clock, registry):
    return BacklogGauge(database=database, clock=clock, registry=registry)


def state(registry):
    states = {
        name: registry.get_sample_value("limen_jobs", {"state": name})
        for name in ("due", "later", "dead")
    }
    return states | {"oldest": registry.get_sample_value("limen_jobs_oldest_due_seconds")}


async def test_an_empty_outbox(gauge, registry):
    await gauge.measure()
    assert state(registry) == {"due": 0, "later": 0, "dead": 0, "oldest": 0}


async def test_counts_what_is_not_done(gauge, registry, database, outbox, clock):
    async with database.transaction() as tx:
        await outbox.enqueue(tx, "done", {})
        await outbox.enqueue(tx, "dead", {})
        await outbox.enqueue(tx, "due", {})
        await outbox.enqueue(tx, "due", {}, due=clock.now() - timedelta(minutes=1))
        await outbox.enqueue(tx, "later", {}, due=clock.now() + timedelta(days=1))
        await tx.execute(
            update(OutboxRow).where(OutboxRow.kind == "done").values(done_time=clock.now())
        )
        await tx.execute(
            update(OutboxRow).where(OutboxRow.kind == "dead").values(dead_time=clock.now())
        )
    await gauge.measure()
    assert state(registry) == {"due": 2, "later": 1, "dead": 1, "oldest": 60}
