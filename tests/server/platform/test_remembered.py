"""The memory of rows: one load for many callers, and nothing kept that may have changed."""

import asyncio

import pytest

from server.platform.remembered import Remembered
from tests.eventually import soon


class Rows:
    """A slow source of values, and the memory in front of it."""

    def __init__(self, *, capacity: int = 10) -> None:
        self.loads: list[str] = []
        self.value: object = "value"
        self.may_keep = True
        self.gate = asyncio.Event()
        self.gate.set()
        self.memory: Remembered[str, object] = Remembered(
            load=self._load, may_keep=lambda: self.may_keep, capacity=capacity
        )

    async def _load(self, key: str) -> object:
        self.loads.append(key)
        value = self.value
        await self.gate.wait()
        if isinstance(value, Exception):
            raise value
        return value

    async def asking(self, *keys: str) -> list[asyncio.Task[object]]:
        """Callers that wait for a load which has begun."""
        self.gate.clear()
        tasks = [asyncio.create_task(self.memory.get(key)) for key in keys]
        await soon(lambda: len(self.loads) == len(set(keys)))
        return tasks


@pytest.fixture
async def rows():
    return Rows()


async def test_a_value_is_loaded_once(rows):
    assert [await rows.memory.get("a") for _ in range(3)] == ["value"] * 3
    assert rows.loads == ["a"]
    assert rows.memory.known("a") == "value"


async def test_callers_that_come_together_share_one_load(rows):
    tasks = await rows.asking(*"aaaaab")
    rows.gate.set()

    assert await asyncio.gather(*tasks) == ["value"] * 6
    assert sorted(rows.loads) == ["a", "b"]


async def test_what_is_forgotten_is_loaded_again(rows):
    await rows.memory.get("a")
    rows.value = "newer"
    rows.memory.forget("a")

    assert rows.memory.known("a") is None
    assert await rows.memory.get("a") == "newer"


@pytest.mark.parametrize("forget", ["one", "all"])
async def test_what_is_forgotten_during_its_load_is_not_kept(rows, forget):
    (before,) = await rows.asking("a")
    rows.memory.forget("a") if forget == "one" else rows.memory.forget_all()
    rows.value = "newer"
    after = asyncio.create_task(rows.memory.get("a"))
    await soon(lambda: len(rows.loads) == 2)
    rows.gate.set()

    assert (await before, await after) == ("value", "newer")
    assert rows.memory.known("a") == "newer"


async def test_an_older_load_that_ends_last_does_not_win(rows):
    (older,) = await rows.asking("a")
    slow, rows.gate = rows.gate, asyncio.Event()
    rows.memory.forget("a")
    rows.value = "newer"
    rows.gate.set()
    assert await rows.memory.get("a") == "newer"
    slow.set()

    assert await older == "value"
    assert rows.memory.known("a") == "newer"


async def test_a_caller_that_gives_up_does_not_take_the_load_away(rows):
    gives_up, stays = await rows.asking("a", "a")
    gives_up.cancel()
    await asyncio.wait([gives_up])
    rows.gate.set()

    assert await stays == "value"
    assert gives_up.cancelled()
    assert rows.loads == ["a"]


async def test_a_load_goes_on_when_every_caller_gave_up(rows):
    (gives_up,) = await rows.asking("a")
    gives_up.cancel()
    rows.gate.set()

    assert await rows.memory.get("a") == "value"
    assert rows.loads == ["a"]


async def test_a_failed_load_fails_all_who_wait_and_is_tried_again(rows):
    rows.value = ConnectionError("away")
    tasks = await rows.asking("a", "a")
    rows.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    rows.value = "value"

    assert [type(result) for result in results] == [ConnectionError] * 2
    assert await rows.memory.get("a") == "value"


async def test_that_there_is_nothing_is_not_remembered(rows):
    rows.value = None
    assert await rows.memory.get("a") is None
    rows.value = "value"

    assert await rows.memory.get("a") == "value"


async def test_nothing_is_kept_while_changes_go_unheard(rows):
    rows.may_keep = False

    assert [await rows.memory.get("a") for _ in range(3)] == ["value"] * 3
    assert rows.loads == ["a"] * 3
    assert rows.memory.known("a") is None


async def test_the_memory_is_bounded():
    rows = Rows(capacity=3)
    for key in "abcd":
        await rows.memory.get(key)

    assert [rows.memory.known(key) for key in "abcd"] == [None, "value", "value", "value"]
