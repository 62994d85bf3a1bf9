import asyncio
import os
import sys
import threading
import unicodedata
from collections.abc import AsyncIterator

import argon2
import pytest
from argon2.exceptions import VerificationError

from server.auth import hashing
from server.auth.hash_faults import MalformedHashError
from server.auth.hashing import (
    HashingOverloaded,
    HashingParameters,
    PasswordHasher,
    Verification,
)

CHEAP = HashingParameters(memory_kib=64, time_cost=1)
GOOD = "correct horse"


@pytest.fixture
async def hasher() -> AsyncIterator[PasswordHasher]:
    hasher = PasswordHasher(parameters=CHEAP, threads=2, max_waiting=100)
    yield hasher
    hasher.close()


class Gate:
    """Stands in for Argon2: every hash waits until it is let through."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.has_started = asyncio.Event()
        self.most_at_once = 0
        self._running = 0
        self._lock = threading.Lock()
        self._open = threading.Semaphore(0)
        self._loop = asyncio.get_running_loop()

    def hash(self, password: str) -> str:
        with self._lock:
            self.started.append(password)
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
        self._loop.call_soon_threadsafe(self.has_started.set)
        self._open.acquire()
        with self._lock:
            self._running -= 1
        return f"hash of {password}"

    def let_through(self, count: int) -> None:
        self._open.release(count)


@pytest.fixture
async def gated() -> AsyncIterator[tuple[PasswordHasher, Gate]]:
    """One thread, two places in the queue."""
    hasher, gate = PasswordHasher(parameters=CHEAP, threads=1, max_waiting=2), Gate()
    hasher._argon2 = gate
    yield hasher, gate
    gate.let_through(100)
    hasher.close()


async def start(hasher: PasswordHasher, gate: Gate, *passwords: str) -> list[asyncio.Task]:
    tasks = [asyncio.create_task(hasher.hash(password)) for password in passwords]
    await gate.has_started.wait()
    return tasks


# What a hash is.


async def test_a_password_matches_its_own_hash_alone(hasher):
    encoded = await hasher.hash(GOOD)
    assert encoded.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert await hasher.verify(GOOD, encoded) == Verification(matches=True, outdated=False)
    assert await hasher.verify(GOOD + " ", encoded) == Verification(matches=False, outdated=False)


async def test_every_hash_has_a_salt_of_its_own(hasher):
    assert await hasher.hash(GOOD) != await hasher.hash(GOOD)


@pytest.mark.parametrize(
    "password", ["pässwörter ﬁnden", "e\u0301\u0323 한글 \uff46\uff55ll", "a\0b" * 5, "🙂" * 256]
)
async def test_all_unicode_forms_are_the_same_password(hasher, password):
    encoded = await hasher.hash(password)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert (await hasher.verify(unicodedata.normalize(form, password), encoded)).matches


async def test_nothing_after_a_nul_is_ignored(hasher):
    encoded = await hasher.hash("before\0after")
    assert not (await hasher.verify("before\0other", encoded)).matches


@pytest.mark.parametrize(
    "other",
    [
        HashingParameters(memory_kib=128, time_cost=1),
        HashingParameters(memory_kib=64, time_cost=2),
        HashingParameters(memory_kib=64, time_cost=1, parallelism=2),
    ],
)
async def test_a_hash_with_other_parameters_is_verified_and_reported(hasher, other):
    elsewhere = PasswordHasher(parameters=other, threads=1, max_waiting=1)
    encoded = await elsewhere.hash(GOOD)
    elsewhere.close()
    assert await hasher.verify(GOOD, encoded) == Verification(matches=True, outdated=True)
    assert await hasher.verify("wrong", encoded) == Verification(matches=False, outdated=True)


async def test_an_older_variant_is_verified_and_reported(hasher):
    old = argon2.PasswordHasher(1, 64, 1, type=argon2.Type.I).hash(GOOD)
    assert await hasher.verify(GOOD, old) == Verification(matches=True, outdated=True)


# Accounts that do not exist.


class Recorder:
    """Stands in for Argon2: says yes to everything, or fails, and remembers what it was asked."""

    def __init__(self, failure: str = "") -> None:
        self.asked: list[tuple[str, str]] = []
        self._failure = failure

    def check_needs_rehash(self, _encoded: str) -> bool:
        return False

    def verify(self, encoded: str, password: str) -> bool:
        self.asked.append((encoded, password))
        if self._failure:
            raise VerificationError(self._failure)
        return True


async def test_an_unknown_account_costs_one_whole_hash_and_never_matches(hasher):
    real = await hasher.hash(GOOD)
    hasher._argon2 = Recorder()
    assert await hasher.verify(GOOD, None) == Verification(matches=False, outdated=False)
    ((encoded, password),) = hasher._argon2.asked
    assert password == GOOD
    assert argon2.extract_parameters(encoded) == argon2.extract_parameters(real)


async def test_the_hash_of_nobody_is_evaluated_by_argon2(hasher):
    assert (await hasher.verify("", None)).matches is False


# Damaged hashes.


async def damaged(hasher: PasswordHasher) -> dict[str, str]:
    encoded = await hasher.hash(GOOD)
    return {
        "empty": "",
        "text": "swordfish",
        "bcrypt": "$2b$12$C6UzMDM.H6dfI/f/IKcEeO7ZNKpS6mGtUu0s0dKPgC5Vn6PzX0xqu",
        "cut tag": encoded[:-1],
        "cut before tag": encoded.rpartition("$")[0],
        "no tag": encoded.rpartition("$")[0] + "$",
        "no lanes": encoded.replace("p=1", "p=0"),
        "no passes": encoded.replace("t=1", "t=0"),
        "negative memory": encoded.replace("m=64", "m=-64"),
        "foreign digits": encoded.replace("m=64", "m=٦٤"),
        "unknown variant": encoded.replace("argon2id", "argon2x"),
        "unknown version": encoded.replace("v=19", "v=99"),
        "not base64": encoded[:-4] + "!!!!",
        "not ASCII": "é" + encoded,
        "4 GiB": encoded.replace("m=64", "m=4194304"),
        "endless": encoded.replace("t=1", "t=4294967295"),
        "many threads": encoded.replace("p=1", "p=16777215"),
    }


async def test_a_damaged_hash_is_an_error_and_no_mismatch(hasher):
    for name, encoded in (await damaged(hasher)).items():
        with pytest.raises(MalformedHashError):
            pytest.fail(f"{name}: {await hasher.verify(GOOD, encoded)}")


async def test_the_error_does_not_show_the_hash(hasher):
    # With one character less it would be the hash of a shorter tag, one time in sixteen.
    encoded = (await hasher.hash(GOOD))[:-2]
    with pytest.raises(MalformedHashError) as caught:
        await hasher.verify(GOOD, encoded)
    assert "$" not in str(caught.value)


@pytest.mark.parametrize("failure", ["Memory allocation error", "Threading failure"])
async def test_want_of_memory_is_not_blamed_on_the_hash(hasher, failure):
    hasher._argon2 = Recorder(failure)
    with pytest.raises(VerificationError, match=failure):
        await hasher.verify(GOOD, None)


# Bounds.


async def test_beyond_the_queue_hashes_are_refused(gated):
    hasher, gate = gated
    tasks = await start(hasher, gate, "one", "two", "three")
    assert hasher.waiting == 2
    with pytest.raises(HashingOverloaded) as caught:
        await hasher.hash("four")
    assert caught.value.retry_after == pytest.approx(3 * hasher._mean_seconds)
    assert hasher.overloaded() == caught.value.retry_after
    with pytest.raises(HashingOverloaded):
        await hasher.verify("four", None)

    gate.let_through(3)
    assert await asyncio.gather(*tasks) == ["hash of one", "hash of two", "hash of three"]
    assert hasher.waiting == 0
    assert hasher.overloaded() is None
    gate.let_through(1)
    assert await hasher.hash("four") == "hash of four"


async def test_hashes_are_served_in_turn_and_never_too_many_at_once():
    hasher, gate = PasswordHasher(parameters=CHEAP, threads=3, max_waiting=100), Gate()
    hasher._argon2 = gate
    names = [f"{number:03}" for number in range(100)]
    gate.let_through(100)
    await asyncio.gather(*(hasher.hash(name) for name in names))
    hasher.close()
    assert gate.most_at_once <= 3
    # Three threads may pass each other between taking a hash and writing it down.
    assert all(abs(index - int(name)) <= 3 for index, name in enumerate(gate.started))


async def test_one_thread_serves_strictly_in_turn(gated):
    hasher, gate = gated
    tasks = await start(hasher, gate, "one", "two", "three")
    gate.let_through(3)
    await asyncio.gather(*tasks)
    assert gate.started == ["one", "two", "three"]


async def test_who_leaves_the_queue_frees_the_place_and_is_never_hashed(gated):
    hasher, gate = gated
    one, two, three = await start(hasher, gate, "one", "two", "three")
    two.cancel()
    with pytest.raises(asyncio.CancelledError):
        await two
    assert hasher.waiting == 1
    four = asyncio.create_task(hasher.hash("four"))
    await asyncio.sleep(0)
    assert hasher.waiting == 2
    gate.let_through(3)
    await asyncio.gather(one, three, four)
    assert gate.started == ["one", "three", "four"]


async def test_a_deadline_frees_the_place(gated):
    hasher, gate = gated
    await start(hasher, gate, "one")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(hasher.hash("late"), 0.01)
    assert hasher.waiting == 0


async def test_a_hash_that_runs_keeps_its_place_when_its_waiter_leaves(gated):
    hasher, gate = gated
    (one,) = await start(hasher, gate, "one")
    one.cancel()
    await asyncio.wait([one])
    rest = [asyncio.create_task(hasher.hash(name)) for name in ("two", "three")]
    await asyncio.sleep(0)
    assert hasher.waiting == 2
    with pytest.raises(HashingOverloaded):
        await hasher.hash("four")
    gate.let_through(3)
    await asyncio.gather(*rest)


async def test_a_thousand_who_come_and_go_leave_nothing_behind(gated):
    hasher, gate = gated
    (one,) = await start(hasher, gate, "one")
    for _ in range(1000):
        task = asyncio.create_task(hasher.hash("gone"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    assert hasher.waiting == 0
    gate.let_through(2)
    assert await one == "hash of one"
    assert await hasher.hash("two") == "hash of two"
    assert gate.started == ["one", "two"]


async def test_a_failure_frees_the_place(hasher):
    for _ in range(200):
        with pytest.raises(MalformedHashError):
            await hasher.verify(GOOD, "$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHRzb21lc2FsdA$dGFn")
    assert hasher.waiting == 0


async def test_the_estimate_follows_what_was_measured(hasher, monkeypatch):
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr(hashing.time, "perf_counter", lambda: next(clock))
    for _ in range(50):
        await hasher.hash(GOOD)
    assert hasher._mean_seconds == pytest.approx(2, rel=0.01)


async def test_closing_cancels_those_who_wait(gated):
    hasher, gate = gated
    one, two = await start(hasher, gate, "one", "two")
    closing = asyncio.create_task(asyncio.to_thread(hasher.close))
    with pytest.raises(asyncio.CancelledError):
        await two
    gate.let_through(1)
    await closing
    assert await one == "hash of one"
    with pytest.raises(RuntimeError, match="after shutdown"):
        await hasher.hash("three")
    assert hasher.waiting == 0


# The threads.


async def test_threads_go_after_the_event_loop(hasher):
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    theirs = await hasher._run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    # Elsewhere threads have no priority of their own.
    assert theirs == (min(19, own + 10) if sys.platform == "linux" else own)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own


async def test_hashing_works_where_the_priority_may_not_be_changed(monkeypatch):
    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    hasher = PasswordHasher(parameters=CHEAP, threads=1, max_waiting=1)
    assert (await hasher.verify(GOOD, await hasher.hash(GOOD))).matches
    hasher.close()


MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("budget", "cores", "parallelism", "expected"),
    [
        (64 * MIB, 8, 1, 3),
        (1024 * MIB, 2, 1, 2),
        (19 * MIB, 64, 1, 1),
        (1024 * MIB, 8, 4, 2),
        (1024 * MIB, 2, 4, 1),
        (1024 * MIB, 0, 1, 1),
    ],
)
def test_threads_are_bounded_by_memory_and_cores(budget, cores, parallelism, expected):
    parameters = HashingParameters(parallelism=parallelism)
    assert PasswordHasher.threads_for(budget, parameters, cores) == expected


def test_a_budget_below_one_hash_is_a_mistake():
    with pytest.raises(ValueError, match="19456 KiB"):
        PasswordHasher.threads_for(19 * MIB - 1, HashingParameters(), 4)
