"""A bounded memory of rows in this process, kept true by `platform.changes`."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Remembered(Generic[Key, Value]):
    """Loads values once and answers from memory until they are forgotten.

    Callers that ask for the same value at the same time share one load. A value that is forgotten
    while it is being loaded goes to those who asked before the change, and is not kept.
    """

    def __init__(
        self,
        *,
        load: Callable[[Key], Coroutine[Any, Any, Value | None]],
        may_keep: Callable[[], bool],
        capacity: int,
    ) -> None:
        self._load = load
        self._may_keep = may_keep
        self._capacity = capacity
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._loading: dict[Key, asyncio.Task[Value | None]] = {}

    def known(self, key: Key) -> Value | None:
        """The value, if it is in memory."""
        return self._values.get(key)

    async def get(self, key: Key) -> Value | None:
        """The value, loaded when it is not in memory; None when there is none."""
        value = self._values.get(key)
        if value is not None:
            return value
        loading = self._loading.get(key)
        if loading is None:
            loading = self._loading[key] = asyncio.create_task(self._load(key))
            loading.add_done_callback(lambda done: self._loaded(key, done))
        # One caller that gives up must not take the load away from the others.
        return await asyncio.shield(loading)

    def forget(self, key: Key) -> None:
        """Drops one value."""
        self._values.pop(key, None)
        self._loading.pop(key, None)

    def forget_all(self) -> None:
        """Drops every value."""
        self._values.clear()
        self._loading.clear()

    def _loaded(self, key: Key, done: asyncio.Task[Value | None]) -> None:
        is_current = self._loading.get(key) is done
        if is_current:
            del self._loading[key]
        if done.cancelled() or done.exception() is not None:
            return
        value = done.result()
        if is_current and value is not None and self._may_keep():
            self._values[key] = value
            if len(self._values) > self._capacity:
                self._values.popitem(last=False)
