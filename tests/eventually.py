"""Waiting for what nothing tells of: other processes, and threads of gRPC."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, TypeVar, overload

_LOOK_AGAIN = 0.02

Found = TypeVar("Found")


def eventually(look: Callable[[], Found], *, within: float = 20.0) -> Found:
    """What `look` finds, as soon as that is true; fails when it never is."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"did not happen within {within:g} s"
        time.sleep(_LOOK_AGAIN)
    return found


@overload
async def soon(look: Callable[[], Awaitable[Found]], *, within: float = ...) -> Found: ...


@overload
async def soon(look: Callable[[], Found], *, within: float = ...) -> Found: ...


async def soon(look: Callable[[], Any], *, within: float = 20.0) -> Any:
    """The same for a running event loop. `look` may have to be awaited."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"did not happen within {within:g} s"
        await asyncio.sleep(_LOOK_AGAIN)
