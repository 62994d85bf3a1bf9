"""Asking limen about one credential (RFC 7662)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from limen.auth.v1.auth_pb2 import IntrospectTokenRequest, IntrospectTokenResponse
from limen.auth.v1.auth_pb2_grpc import AuthServiceStub
from limen.client.errors import InvalidRequest, LimenError
from limen.client.verifier.counters import Counters
from limen.client.verifier.errors import StaleError
from limen.client.verifier.remembered import Remembered

_AT_ONCE = 32
_WAITING = 1000
_DEADLINE = 2.0


@dataclass(frozen=True, slots=True)
class _Answer:
    response: IntrospectTokenResponse
    until: float


class Introspection:
    """Puts each question once, however many wait for the answer, and few at a time.

    memory: seconds for which an answer is used again.
    capacity: how many answers are remembered.
    monotonic: the time in seconds, on a clock that nobody sets.
    """

    def __init__(
        self,
        auth: AuthServiceStub,
        *,
        memory: float,
        capacity: int,
        counters: Counters,
        monotonic: Callable[[], float],
    ) -> None:
        self._auth = auth
        self._memory = memory
        self._counters = counters
        self._monotonic = monotonic
        self._answers: Remembered[_Answer] = Remembered(capacity)
        self._flights: dict[str, asyncio.Task[IntrospectTokenResponse]] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def ask(self, credential: str) -> IntrospectTokenResponse:
        """What limen says. Raises `StaleError` when there is no answer within two seconds."""
        answer = self._answers.get(credential)
        if answer is not None and self._monotonic() < answer.until:
            return answer.response
        flight = self._flights.get(credential)
        if flight is None:
            if len(self._flights) >= _WAITING:
                raise StaleError("too many questions wait for limen")
            flight = asyncio.create_task(self._fly(credential))
            self._flights[credential] = flight
            flight.add_done_callback(lambda ended: self._land(credential, ended))
        # Shielded: one caller who gives up must not take the answer from the others.
        return await asyncio.shield(flight)

    def sweep(self) -> None:
        """Lets go of answers that are too old to be used again."""
        now = self._monotonic()
        self._answers.forget_where(lambda answer: answer.until <= now)

    async def close(self) -> None:
        """Abandons the questions that are under way."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        if flights:
            await asyncio.wait(flights)

    async def _fly(self, credential: str) -> IntrospectTokenResponse:
        try:
            async with asyncio.timeout(_DEADLINE), self._turns:
                asked_at = self._monotonic()
                self._counters.introspections += 1
                response = await self._auth.IntrospectToken(
                    IntrospectTokenRequest(token=credential)
                )
        except InvalidRequest:
            response = IntrospectTokenResponse(active=False)
        except (LimenError, TimeoutError) as fault:
            raise StaleError("limen cannot be asked") from fault
        except asyncio.CancelledError as end:
            # Those who wait were not cancelled, and must not take it for that.
            raise StaleError("the verifier was closed") from end
        # The answer is as old as the question.
        self._answers.put(credential, _Answer(response, asked_at + self._memory))
        return response

    def _land(self, credential: str, flight: asyncio.Task[IntrospectTokenResponse]) -> None:
        del self._flights[credential]
        if not flight.cancelled():  # as is one that had not begun
            flight.exception()  # Everyone who waited may be gone; asyncio would log that.
