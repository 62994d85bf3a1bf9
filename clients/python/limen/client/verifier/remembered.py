"""A bounded memory in which what was used least recently makes room."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

_ValueT = TypeVar("_ValueT")


class Remembered(Generic[_ValueT]):
    """Values by credential, `capacity` of them at most."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[str, _ValueT] = OrderedDict()

    def get(self, credential: str) -> _ValueT | None:
        """The value, which thereby counts as used; None when there is none."""
        value = self._values.get(credential)
        if value is not None:
            self._values.move_to_end(credential)
        return value

    def put(self, credential: str, value: _ValueT) -> None:
        """Remembers a value, if need be in the place of another."""
        self._values[credential] = value
        self._values.move_to_end(credential)
        if len(self._values) > self._capacity:
            self._values.popitem(last=False)

    def forget(self, credential: str) -> None:
        """Lets go of one."""
        self._values.pop(credential, None)

    def forget_where(self, unwanted: Callable[[_ValueT], bool]) -> None:
        """Lets go of all that are unwanted."""
        gone = [credential for credential, value in self._values.items() if unwanted(value)]
        for credential in gone:
            del self._values[credential]

    def __len__(self) -> int:
        return len(self._values)
