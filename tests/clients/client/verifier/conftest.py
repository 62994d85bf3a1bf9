"""A fake limen for each test, and clocks that tests move."""

from collections.abc import Iterator

import pytest

from limen.client.verifier.verifier import uninterrupted
from limen.testing import FakeLimen


class Ahead:
    """A clock that goes as another does, some seconds ahead of it."""

    def __init__(self, clock):
        self._clock = clock
        self.seconds = 0.0

    def __call__(self) -> float:
        return self._clock() + self.seconds


@pytest.fixture
def limen() -> Iterator[FakeLimen]:
    with FakeLimen() as fake:
        yield fake


@pytest.fixture
def ada(limen):
    return limen.user(scopes={"users.read", "notes.write"})


@pytest.fixture
def monotonic() -> Ahead:
    return Ahead(uninterrupted)
