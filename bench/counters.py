"""What the core counted: the only witness of how a gRPC call ended."""

from collections import Counter

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bench.jobs import UnsoundError

_CALLS = "limen_rpc_seconds_count"


class Witness:
    """Remembers how often an RPC had ended, and in which way, and compares later."""

    def __init__(self, *, metrics: str, rpc: str) -> None:
        self._url = f"http://{metrics}/metrics"
        self._rpc = rpc
        self._before: Counter[str] = Counter()

    async def look(self) -> None:
        """Takes note of the counts, to begin with."""
        self._before = await self._counts()

    async def since(self) -> dict[str, int]:
        """How many calls ended since, by the name of their status."""
        counts = await self._counts()
        counts.subtract(self._before)
        return {code: count for code, count in counts.items() if count}

    async def expect(self, **counts: int) -> None:
        """Raises `UnsoundError` unless exactly so many calls ended since, each status by name."""
        found = await self.since()
        expected = {code: count for code, count in counts.items() if count}
        if found != expected:
            raise UnsoundError(f"{self._rpc}: the core counted {found}, clients {expected}")

    async def _counts(self) -> Counter[str]:
        async with httpx.AsyncClient() as client:
            page = (await client.get(self._url)).raise_for_status().text
        return Counter(
            {
                sample.labels["code"]: int(sample.value)
                for family in text_string_to_metric_families(page)
                for sample in family.samples
                if sample.name == _CALLS and sample.labels["rpc"] == self._rpc
            }
        )
