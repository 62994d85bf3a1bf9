"""Names places in a request: `user.displayName`, `items[2].name`, `details["a"]`."""

import json
import re
from collections.abc import Iterable
from typing import Final

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What the client made up is repeated to it, but not by the megabyte.
_LONGEST_KEY = 80
_LONGEST_NAME = 400


class Place:
    """A place in a request. It is put into words only when something is wrong there."""

    __slots__ = ("parent", "step")

    def __init__(self, parent: "Place | None" = None, step: str = "") -> None:
        self.parent = parent
        self.step = step

    def member(self, name: str) -> "Place":
        """The member of the object here."""
        if _IDENTIFIER.fullmatch(name) and len(name) <= _LONGEST_KEY:
            return Place(self, f".{name}")
        return self.entry(name)

    def members(self, names: Iterable[str]) -> "Place":
        """The place that a chain of members leads to from here."""
        place = self
        for name in names:
            place = place.member(name)
        return place

    def item(self, index: int) -> "Place":
        """The element of the array here."""
        return Place(self, f"[{index}]")

    def entry(self, key: str) -> "Place":
        """The entry of the map here, or the member whose name is no identifier."""
        shown = key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}..."
        # ASCII with escapes, so that a key of broken Unicode does not break the answer as well.
        return Place(self, f"[{json.dumps(shown)}]")

    def __str__(self) -> str:
        steps: list[str] = []
        place: Place | None = self
        while place is not None:
            steps.append(place.step)
            place = place.parent
        name = "".join(reversed(steps)).removeprefix(".")
        return name if len(name) <= _LONGEST_NAME else f"...{name[-_LONGEST_NAME:]}"


ROOT: Final = Place()
"""The request itself, whose name is empty."""
