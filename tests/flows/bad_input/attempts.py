"""Ways to make many attempts."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from tests.flows.bad_input.answers import Outcome
from tests.flows.bad_input.bodies import Faulty
from tests.flows.bad_input.cases import Case
from tests.flows.bad_input.house import House, Someone

AT_ONCE = 8
SHOWN = 5
LONGEST_HEAD = 32 * 1024


async def each(items: Iterable[Any], act: Callable[[Any], Awaitable[None]]) -> None:
    """Does something with all items, a few at once, and shows the first of those that failed."""
    places = asyncio.Semaphore(AT_ONCE)

    async def limited(item: Any) -> None:
        async with places:
            await act(item)

    results = await asyncio.gather(*map(limited, items), return_exceptions=True)
    failures = [result for result in results if isinstance(result, Exception)]
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(results)} failed", failures[:SHOWN])


async def by_both(
    house: House, case: Case, who: Someone, also: Someone | None = None
) -> tuple[Outcome, Outcome | None]:
    """The outcomes over gRPC, and over REST by `also` if given; None for what REST cannot say."""
    over_grpc = await house.over_grpc(case.rpc, case.request.SerializeToString(), who)
    request = case.rpc.rest(case.request) if case.rpc.verb else None
    if request is None:
        return over_grpc, None
    over_rest = await house.over_rest(request, also or who)
    if len(request.target) > LONGEST_HEAD:
        assert (over_rest.reason, over_rest.status) == ("REQUEST_TOO_LARGE", 431), str(case)
        return over_grpc, None
    return over_grpc, over_rest


async def refuses(house: House, caller: Someone, attacks: Iterable[Faulty]) -> None:
    before = await house.belongings()

    async def attempt(attack: Faulty) -> None:
        outcome = await house.over_rest(attack.request, caller)
        assert outcome.reason == "INVALID_REQUEST", str(attack)
        named = {name.split("[")[0] for name in outcome.fields}
        assert named == {attack.field}, str(attack)

    await each(attacks, attempt)
    assert await house.belongings() == before
