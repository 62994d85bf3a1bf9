"""The plugin of pytest: the fixture `limen`.

pytest loads it in every environment that has limen-client, so it brings in nothing until a test
asks for the fixture.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from limen.testing import FakeLimen


@pytest.fixture
def limen() -> "Iterator[FakeLimen]":
    """A limen of the test's own, with nobody in it. Needs `limen-client[testing]`."""
    from limen.testing import FakeLimen

    with FakeLimen() as fake:
        yield fake
