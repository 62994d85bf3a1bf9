"""Passwords are hashed here with Argon2id (RFC 9106), beside the event loop and within bounds.

A hash costs 20 ms of one core and 19 MiB of memory on purpose. So that a wave of sign-ins
slows down sign-ins and nothing else, hashes run on a few threads of low priority, wait in a
queue of fixed length, and are refused beyond it.
"""

import asyncio
import base64
import contextlib
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from server.auth.foreign_hashes.schemes import ForeignHash, ForeignHashes, is_foreign
from server.auth.hash_faults import CostlyHashError, MalformedHashError
from server.auth.kept_memory import KeptMemoryHasher
from server.auth.passwords import normalize

_T = TypeVar("_T")

_SALT_BYTES = 16
_TAG_BYTES = 32

# Ceilings for stored hashes, which may come from an import: verifying one that was made to be
# costly must not cost this process its memory.
_MOST_MEMORY_KIB = 262144
_MOST_TIME_COST = 16
_MOST_PARALLELISM = 16

# Failures that say nothing about the stored hash.
_OUT_OF_RESOURCES = ("Memory allocation error", "Threading failure")

# 0x10, no version at all as the first release wrote it, and 0x13. The C library takes others for
# the newest, so that a damaged version would look like a wrong password.
_VERSIONS = (16, 18, 19)

# How much nicer than the rest of the process the threads are (see setpriority(2)).
_NICER = 10

# What filling a KiB of memory once takes, until hashes have been measured.
_SECONDS_PER_KIB_PASS = 0.5e-6

# Weight of the newest measurement in the moving average.
_SMOOTHING = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class HashingParameters:
    """The cost of a hash (RFC 9106, section 3.1). The default is the floor that OWASP advises.

    Attributes:
        memory_kib: Memory one hash fills, in KiB.
        time_cost: Passes over that memory.
        parallelism: Lanes, each a thread of its own.
    """

    memory_kib: int = 19456
    time_cost: int = 2
    parallelism: int = 1


@dataclass(frozen=True, slots=True)
class Verification:
    """The answer to a password.

    Attributes:
        matches: The password belongs to the stored hash.
        outdated: The stored hash has other parameters than those in force; after a match,
            hash the password again and store it.
    """

    matches: bool
    outdated: bool


class HashingOverloaded(Exception):  # noqa: N818 - a state of the pool, not a fault
    """Too many hashes are waiting already; nothing was hashed.

    Attributes:
        retry_after: Seconds in which those now waiting will have been worked off.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"the password hashing queue is full, retry in {retry_after:.1f} s")
        self.retry_after = retry_after


class PasswordHasher:
    """Hashes and verifies passwords on its own threads, first come, first served.

    Made and used on one event loop.

    Args:
        parameters: The cost of new hashes.
        threads: Hashes that run at a time; see `threads_for`.
        max_waiting: Hashes that may wait for a thread.
        foreign: Reads the hashes that other systems made. Without it there is Argon2 alone.
    """

    def __init__(
        self,
        *,
        parameters: HashingParameters,
        threads: int,
        max_waiting: int,
        foreign: ForeignHashes | None = None,
    ) -> None:
        self._argon2 = KeptMemoryHasher(
            time_cost=parameters.time_cost,
            memory_cost=parameters.memory_kib,
            parallelism=parameters.parallelism,
            hash_len=_TAG_BYTES,
            salt_len=_SALT_BYTES,
        )
        self._nobodys_hash = _nobodys_hash(parameters)
        self._foreign = foreign
        self._threads = threads
        self._max_waiting = max_waiting
        self._pool = ThreadPoolExecutor(threads, "password-hashing", _lower_own_priority)
        # Guards the two figures below, which the threads change.
        self._lock = threading.Lock()
        self._unfinished = 0
        self._mean_seconds = parameters.memory_kib * parameters.time_cost * _SECONDS_PER_KIB_PASS

    @staticmethod
    def threads_for(memory_budget: int, parameters: HashingParameters, cores: int) -> int:
        """How many hashes may run at a time.

        Args:
            memory_budget: Bytes that hashing may fill.
            parameters: The cost of a hash.
            cores: Cores this process may use.

        Raises:
            ValueError: Not even one hash fits the budget.
        """
        by_memory = memory_budget // (parameters.memory_kib * 1024)
        if by_memory < 1:
            raise ValueError(
                f"a password hash needs {parameters.memory_kib} KiB, "
                f"but the memory budget is {memory_budget // 1024} KiB"
            )
        return min(by_memory, max(1, cores // parameters.parallelism))

    @property
    def waiting(self) -> int:
        """Hashes that wait for a thread."""
        return max(0, self._unfinished - self._threads)

    def overloaded(self, expected: int = 0) -> float | None:
        """Seconds until a hash may be taken again; None when one would be taken now.

        Args:
            expected: Hashes that will be asked for by work that is under way already.
        """
        ahead = max(self._unfinished, expected)
        if ahead < self._threads + self._max_waiting:
            return None
        return self._mean_seconds * ahead / self._threads

    async def hash(self, password: str) -> str:
        """The encoded hash of a password, with a fresh salt.

        Raises:
            HashingOverloaded: The queue is full.
        """
        return await self._run(lambda: self._argon2.hash(normalize(password)))

    async def verify(self, password: str, encoded: str | None) -> Verification:
        """Compares a password with a stored hash.

        Args:
            password: As typed; it is normalised here.
            encoded: The stored hash. None for an account that does not exist or has no
                password: that takes the same time and never matches.

        Raises:
            HashingOverloaded: The queue is full.
            MalformedHashError: The stored hash cannot be verified.
        """
        if encoded is None:
            await self._run(lambda: self._verify(password, self._nobodys_hash))
            return Verification(matches=False, outdated=False)
        if self._foreign is not None and is_foreign(encoded):
            foreign = self._foreign.stored(encoded)
            return await self._run(lambda: _verify_foreign(password, foreign))
        ensure_verifiable(encoded)
        return await self._run(lambda: self._verify(password, encoded))

    def close(self) -> None:
        """Ends the threads. Hashes that run are finished; those that wait are cancelled."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _verify(self, password: str, encoded: str) -> Verification:
        outdated = self._argon2.check_needs_rehash(encoded)
        if self._matches(normalize(password), encoded):
            return Verification(matches=True, outdated=outdated)
        # Systems that the hash may have come from take a password as it is typed.
        as_typed = normalize(password) != password and self._matches(password, encoded)
        return Verification(matches=as_typed, outdated=outdated or as_typed)

    def _matches(self, text: str, encoded: str) -> bool:
        try:
            return self._argon2.verify(encoded, text)
        except VerifyMismatchError:
            return False
        except VerificationError as error:
            if error.args[0] in _OUT_OF_RESOURCES:
                raise
            raise MalformedHashError("the stored password hash is damaged") from error

    async def _run(self, work: Callable[[], _T]) -> _T:
        wait = self.overloaded()
        if wait is not None:
            raise HashingOverloaded(wait)
        future = self._pool.submit(self._measured, work)
        with self._lock:
            self._unfinished += 1
        # A cancelled waiter is done at once and leaves its place; a hash that already runs
        # keeps it to the end, for it holds memory until then.
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    def _leave(self, _: Future[_T]) -> None:
        with self._lock:
            self._unfinished -= 1

    def _measured(self, work: Callable[[], _T]) -> _T:
        start = time.perf_counter()
        result = work()
        elapsed = time.perf_counter() - start
        with self._lock:
            self._mean_seconds += _SMOOTHING * (elapsed - self._mean_seconds)
        return result


def ensure_verifiable(encoded: str) -> None:
    """Checks the form and the cost of a hash, without a password: for imports and before a verify.

    Raises:
        MalformedHashError: It is no Argon2 hash in PHC string format, or costs too much.
    """
    try:
        encoded.encode("ascii")
        found = argon2.extract_parameters(encoded)
    except (InvalidHashError, UnicodeEncodeError) as error:
        raise MalformedHashError("the stored password hash is not an Argon2 hash") from error
    if found.version not in _VERSIONS:
        raise MalformedHashError("the stored password hash has an unknown version")
    if (
        found.memory_cost > _MOST_MEMORY_KIB
        or found.time_cost > _MOST_TIME_COST
        or found.parallelism > _MOST_PARALLELISM
    ):
        raise CostlyHashError("the stored password hash asks for more memory or time than allowed")


def _verify_foreign(password: str, stored: ForeignHash) -> Verification:
    """Whatever matches is outdated. Most systems take a password as typed, some normalise it."""
    forms = {password, normalize(password)}
    return Verification(any(stored.matches(form.encode()) for form in forms), outdated=True)


def _nobodys_hash(parameters: HashingParameters) -> str:
    """A hash in form only: its tag is random, so it costs nothing to make and matches nothing."""
    cost = f"m={parameters.memory_kib},t={parameters.time_cost},p={parameters.parallelism}"
    salt, tag = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (_SALT_BYTES, _TAG_BYTES)
    )
    return f"$argon2id$v=19${cost}${salt}${tag}"


def _lower_own_priority() -> None:
    """Lets the event loop go first. Where the platform refuses, hashing works all the same."""
    # Linux gives every thread a priority of its own; elsewhere this would hit the process.
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with contextlib.suppress(OSError):
            os.setpriority(
                os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICER
            )
