"""Counting calls against budgets: shared through Valkey, alone when Valkey is away.

Busy budgets are taken from Valkey in leases of several calls, so that most calls cost no round
trip. A lease that is not used up lapses after a minute: the shared count may then run ahead of the
calls made, never behind.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from weakref import WeakValueDictionary

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import Redis

from server.platform.valkey import OUTAGES

_WINDOW_SECONDS = 60.0
_PAUSE_SECONDS = 1.0
_MOST_LEASES = 50_000

_AT_ONCE = 4

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Lease:
    left: int
    lapses: float


@dataclass(frozen=True, slots=True)
class _Told:
    """What a shared budget says: None for a call that may be made, else the seconds to wait."""

    wait: float | None


class Quotas:
    """Gives out calls until a budget is spent.

    At an outage of Valkey each process counts for itself, with the same budgets: a limit is then
    looser by the number of processes, and nobody is locked out for want of Valkey.
    """

    def __init__(self, *, valkey: Redis, scale: float) -> None:
        self._shared = SlidingWindowCounterRateLimiter(
            RedisStorage(
                "async+redis://",
                implementation="redispy",
                key_prefix="limen:limits",
                connection_pool=valkey.connection_pool,  # type: ignore[arg-type] # typed as str
            )
        )
        self._alone = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._scale = scale
        self._resume = 0.0
        """When to ask Valkey again; 0 while it answers."""
        # A wave of calls asks by and by, or all others would wait for the whole wave.
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._leases: OrderedDict[tuple[str, str], _Lease] = OrderedDict()
        self._refills: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        """Calls that come at once share one lease, instead of each taking its own."""
        self._items: dict[int, RateLimitItemPerMinute] = {}

    async def take(self, budget: str, key: str, *, per_minute: int, lease: int) -> float | None:
        """Takes one call from what `key` may spend of `budget`.

        Returns None when there was one, otherwise the seconds until there may be.
        """
        place = (budget, key)
        if self._has_left(place):
            return None
        # Without Valkey there is nobody to share with, and nobody waits for one who finds out.
        if lease > 1 and not self._resume:
            async with self._refills.setdefault(place, asyncio.Lock()):
                if self._has_left(place) or await self._refill(place, per_minute, lease):
                    return None
        return await self._hit(budget, key, per_minute, 1)

    def _has_left(self, place: tuple[str, str]) -> bool:
        """Takes one call from the lease that is held, if it has any."""
        held = self._leases.get(place)
        if held is None or held.left == 0 or held.lapses <= time.monotonic():
            return False
        held.left -= 1
        return True

    async def _refill(self, place: tuple[str, str], per_minute: int, lease: int) -> bool:
        """Takes one call from a new lease, if the shared budget gives one."""
        now = time.monotonic()
        if await self._hit(*place, per_minute, lease) is not None:
            return False
        self._leases[place] = _Lease(lease - 1, now + _WINDOW_SECONDS)
        if len(self._leases) > _MOST_LEASES:
            self._leases.popitem(last=False)
        return True

    async def _hit(self, budget: str, key: str, per_minute: int, cost: int) -> float | None:
        item = self._item(per_minute)
        if time.monotonic() >= self._resume:
            async with self._turns:
                told = await self._ask_valkey(item, budget, key, cost)
            if told is not None:
                return told.wait
        return await _hit(self._alone, item, budget, key, cost)

    async def _ask_valkey(
        self, item: RateLimitItemPerMinute, budget: str, key: str, cost: int
    ) -> _Told | None:
        """What Valkey says; None while it is away, which it may be since the call began to wait."""
        now = time.monotonic()
        if now < self._resume:
            return None
        if self._resume:
            # One call finds out whether Valkey is back; the others do not wait with it.
            self._resume = now + _PAUSE_SECONDS
        try:
            wait = await _hit(self._shared, item, budget, key, cost)
        except OUTAGES as error:
            self._resume = time.monotonic() + _PAUSE_SECONDS
            _log.warning("quotas.alone", error=type(error).__name__)
            return None
        self._resume = 0.0
        return _Told(wait)

    def _item(self, per_minute: int) -> RateLimitItemPerMinute:
        item = self._items.get(per_minute)
        if item is None:
            amount = max(1, round(per_minute * self._scale))
            item = self._items[per_minute] = RateLimitItemPerMinute(amount)
        return item


async def _hit(
    limiter: SlidingWindowCounterRateLimiter,
    item: RateLimitItemPerMinute,
    budget: str,
    key: str,
    cost: int,
) -> float | None:
    if await limiter.hit(item, budget, key, cost=cost):
        return None
    stats = await limiter.get_window_stats(item, budget, key)
    return max(1.0, min(stats.reset_time - time.time(), _WINDOW_SECONDS))
