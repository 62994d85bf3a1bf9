"""Argon2id in memory of its own gives what the library gives."""

import threading
from concurrent.futures import ThreadPoolExecutor

import argon2
import pytest
from argon2.exceptions import HashingError, InvalidHashError, VerificationError, VerifyMismatchError
from argon2.low_level import Type, hash_secret_raw
from hypothesis import given, settings
from hypothesis import strategies as st

from server.auth import kept_memory
from server.auth.kept_memory import KeptMemoryHasher

GOOD = "correct horse"


def kept(time_cost: int = 1, memory_cost: int = 64, parallelism: int = 1) -> KeptMemoryHasher:
    return KeptMemoryHasher(
        time_cost=time_cost,
        memory_cost=memory_cost,
        parallelism=parallelism,
        hash_len=32,
        salt_len=16,
    )


@pytest.fixture(scope="module")
def hasher() -> KeptMemoryHasher:
    return kept()


@pytest.fixture(scope="module")
def library() -> argon2.PasswordHasher:
    return argon2.PasswordHasher(1, 64, 1, 32, 16)


@pytest.mark.parametrize(
    ("time_cost", "memory_cost", "parallelism"),
    [(1, 8, 1), (2, 64, 1), (1, 65, 4), (3, 100, 3), (2, 19456, 1)],
)
def test_the_tag_is_the_one_of_the_library(time_cost, memory_cost, parallelism):
    salt = bytes(range(16))
    expected = hash_secret_raw(
        GOOD.encode(), salt, time_cost, memory_cost, parallelism, 32, Type.ID
    )

    # The second finds the memory as the first has left it.
    hasher = kept(time_cost, memory_cost, parallelism)
    assert hasher._tag(GOOD, salt) == hasher._tag(GOOD, salt) == expected


@given(password=st.one_of(st.text(max_size=300), st.binary(max_size=300)))
@settings(max_examples=100, deadline=None)
def test_each_verifies_what_the_other_made(password):
    hasher, library = kept(), argon2.PasswordHasher(1, 64, 1, 32, 16)

    assert library.verify(hasher.hash(password), password)
    assert hasher.verify(library.hash(password), password)
    assert hasher.verify(hasher.hash(password).encode(), password)


@pytest.mark.parametrize("wrong", ["", "correct hors", "correct horse\0", "Correct horse"])
def test_another_password_does_not_match(hasher, wrong):
    with pytest.raises(VerifyMismatchError):
        hasher.verify(hasher.hash(GOOD), wrong)


@pytest.mark.parametrize(
    "other",
    [
        argon2.PasswordHasher(2, 64, 1),
        argon2.PasswordHasher(1, 128, 1),
        argon2.PasswordHasher(1, 64, 2),
        argon2.PasswordHasher(1, 64, 1, hash_len=24),
        argon2.PasswordHasher(1, 64, 1, salt_len=24),
        argon2.PasswordHasher(1, 64, 1, type=argon2.Type.I),
        argon2.PasswordHasher(1, 64, 1, type=argon2.Type.D),
    ],
)
def test_what_others_made_is_verified_as_well(hasher, other):
    encoded = other.hash(GOOD)

    assert hasher.verify(encoded, GOOD)
    with pytest.raises(VerifyMismatchError):
        hasher.verify(encoded, "wrong")


def damaged(encoded: str) -> list[str]:
    head, _, tag = encoded.rpartition("$")
    return [
        "",
        "$argon2id$",
        encoded[:-1],
        encoded + "=",
        encoded + "$",
        encoded + "é",
        head,
        f"{head}${tag[:-4]}",
        f"{head}${tag[:5]} {tag[5:]}",
        f"{head}$-{tag[1:]}",
        encoded.replace("m=64", "m=064"),
        encoded.replace("v=19", "v=16"),
    ]


def outcome(hasher: argon2.PasswordHasher, encoded: str) -> type | bool:
    try:
        return hasher.verify(encoded, GOOD)
    except (VerificationError, InvalidHashError, UnicodeEncodeError) as error:
        return type(error)


def test_what_is_damaged_ends_as_it_does_in_the_library(hasher, library):
    cases = damaged(library.hash(GOOD))

    assert [outcome(hasher, case) for case in cases] == [outcome(library, case) for case in cases]


def test_threads_do_not_write_into_the_memory_of_others(hasher):
    passwords = [f"password {number}" for number in range(200)]
    together = threading.Barrier(8)

    with ThreadPoolExecutor(8, initializer=together.wait) as pool:
        hashes = list(pool.map(hasher.hash, passwords))
        assert all(pool.map(hasher.verify, hashes, passwords))


def test_a_thread_fills_the_same_memory_again(hasher):
    hasher.hash(GOOD)
    block = hasher._own.block
    for _ in range(20):
        hasher.hash(GOOD)

    assert hasher._own.block is block


def test_want_of_memory_is_told_from_a_wrong_password(library, monkeypatch):
    small = kept_memory._Block(1024)
    monkeypatch.setattr(kept_memory, "_Block", lambda _: small)

    with pytest.raises(HashingError, match="Memory allocation"):
        kept().verify(library.hash(GOOD), GOOD)
