"""A bounded memory of rows in this process, kept true by `platform.changes`."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Remembered(Generic[Key, Value]):
    """Loads values once and answers from memory until they are forgotten.

    A value whose key is forgotten while it is being loaded is handed to those who wait for it, who
    asked before the change, and not kept.
    """

    def __init__(
        self,
        *,
        load: Callable[[Key], Awaitable[Value | None]],
        may_keep: Callable[[], bool],
        capacity: int,
    ) -> None:
        self._load = load
        self._may_keep = may_keep
        self._capacity = capacity
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._loading: dict[Key, object] = {}

    def known(self, key: Key) -> Value | None:
        """The value, if it is in memory."""
        return self._values.get(key)

    async def get(self, key: Key) -> Value | None:
        """The value, loaded when it is not in memory; None when there is none."""
        value = self._values.get(key)
        if value is not None:
            return value
        mark = object()
        self._loading[key] = mark
        try:
            value = await self._load(key)
            if value is not None and self._loading.get(key) is mark and self._may_keep():
                self._keep(key, value)
        finally:
            if self._loading.get(key) is mark:
                del self._loading[key]
        return value

    def forget(self, key: Key) -> None:
        """Drops one value."""
        self._values.pop(key, None)
        self._loading.pop(key, None)

    def forget_all(self) -> None:
        """Drops every value."""
        self._values.clear()
        self._loading.clear()

    def _keep(self, key: Key, value: Value) -> None:
        self._values[key] = value
        if len(self._values) > self._capacity:
            self._values.popitem(last=False)
