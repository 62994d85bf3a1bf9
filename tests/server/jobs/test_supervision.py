"""Keeping parts running."""

import asyncio

import pytest
from redis.exceptions import ConnectionError as AwayError

from server import errors
from server.jobs import supervision
from server.jobs.supervision import cancel, keep_running


class Part:
    """Fails as it is told, then ends."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.starts = 0

    async def run(self):
        self.starts += 1
        if self.failures:
            raise self.failures.pop(0)


@pytest.fixture(autouse=True)
def no_delay(monkeypatch):
    monkeypatch.setattr(supervision, "_FIRST_DELAY", 0)


async def test_starts_a_part_again_until_it_ends(reports):
    part = Part(ValueError("a"), ValueError("b"))
    await keep_running("part", part.run, reporter=reports)
    assert part.starts == 3
    assert len(reports.errors) == 2


@pytest.mark.parametrize(
    "outage", [errors.Unavailable(retry_after=1), AwayError(), OSError(), TimeoutError()]
)
async def test_an_outage_is_no_defect(reports, outage):
    part = Part(outage)
    await keep_running("part", part.run, reporter=reports)
    assert part.starts == 2
    assert reports.errors == []


async def test_can_be_cancelled_at_any_time(reports):
    async def fail():
        raise ValueError

    for begun in (0, 1, 2, 3):
        task = asyncio.create_task(keep_running("part", fail, reporter=reports))
        for _ in range(begun):
            await asyncio.sleep(0)
        await cancel([task])
        assert task.cancelled()


async def test_cancels_until_it_is_heard():
    deaf = 2

    async def part():
        nonlocal deaf
        while deaf:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                deaf -= 1
        await asyncio.Event().wait()

    task = asyncio.create_task(part())
    await asyncio.sleep(0)
    await cancel([task])
    assert task.cancelled()


async def test_cancelling_nothing_is_nothing():
    await cancel([])
