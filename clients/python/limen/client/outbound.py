"""What happens to every call on its way out: deadline, headers, credential, one more try."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from grpc import StatusCode, aio

from limen.client.context import outgoing_request_id
from limen.client.credentials import Credential, bearer
from limen.client.errors import CREDENTIAL_INVALID, DeadlineExceeded, Unauthenticated, typed_error

_ResultT = TypeVar("_ResultT")
_Attempt = Callable[[aio.ClientCallDetails], Awaitable[_ResultT]]


class Outbound:
    """Sends calls with all that they need, and raises LimenError when one is refused.

    A call that the caller gave an `authorization` of its own keeps it, and RPCs that the contract
    calls public (`public_paths`) get none.
    """

    def __init__(
        self, *, credential: Credential | None, language: str | None, public_paths: frozenset[str]
    ) -> None:
        self._credential = credential
        self._language = language
        self._public_paths = public_paths

    async def send(
        self, details: aio.ClientCallDetails, seconds: float | None, attempt: _Attempt[_ResultT]
    ) -> _ResultT:
        """Makes the call, and once more if limen no longer accepts a token that can be renewed.

        `seconds` bounds all of it: waiting for a token as well as both attempts. A refused
        credential means that the call had no effect, so any RPC may be tried again.
        """
        countdown = _Countdown(seconds)
        credential = self._credential_for(details)
        if credential is None:
            return await _typed(attempt(self._prepared(details, countdown)))
        token = await countdown.bound(credential.token())
        try:
            return await _typed(attempt(self._prepared(details, countdown, token)))
        except Unauthenticated as fault:
            if fault.reason != CREDENTIAL_INVALID:
                raise
            if not await countdown.bound(credential.renew(token)):
                raise
        token = await countdown.bound(credential.token())
        return await _typed(attempt(self._prepared(details, countdown, token)))

    async def send_once(
        self, details: aio.ClientCallDetails, seconds: float | None, attempt: _Attempt[_ResultT]
    ) -> _ResultT:
        """Makes a call whose requests are gone once they were sent."""
        countdown = _Countdown(seconds)
        credential = self._credential_for(details)
        token = await countdown.bound(credential.token()) if credential is not None else None
        return await _typed(attempt(self._prepared(details, countdown, token)))

    def _credential_for(self, details: aio.ClientCallDetails) -> Credential | None:
        if _path(details) in self._public_paths:
            return None
        chosen_by_caller = details.metadata is not None and details.metadata.get("authorization")
        return None if chosen_by_caller else self._credential

    def _prepared(
        self, details: aio.ClientCallDetails, countdown: "_Countdown", token: str | None = None
    ) -> aio.ClientCallDetails:
        # A copy: the caller may use the same metadata for another call.
        metadata = aio.Metadata(*(details.metadata or ()))
        headers = {
            "authorization": bearer(token) if token is not None else None,
            "accept-language": self._language,
            "x-request-id": outgoing_request_id(),
        }
        for name, value in headers.items():
            if value is not None and metadata.get(name) is None:
                metadata.add(name, value)
        return aio.ClientCallDetails(
            details.method,
            countdown.left(),
            metadata,
            details.credentials,
            details.wait_for_ready,
        )


class _Countdown:
    """The time that a call has left over all its steps."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else asyncio.get_running_loop().time() + seconds

    def left(self) -> float | None:
        if self._end is None:
            return None
        return max(0.0, self._end - asyncio.get_running_loop().time())

    async def bound(self, step: Awaitable[_ResultT]) -> _ResultT:
        try:
            async with asyncio.timeout_at(self._end):
                return await step
        except TimeoutError as error:
            raise DeadlineExceeded(
                StatusCode.DEADLINE_EXCEEDED, "no token for the call was to be had in time"
            ) from error


def _path(details: aio.ClientCallDetails) -> str:
    # The type says str; grpc.aio gives bytes.
    method = cast("str | bytes", details.method)
    return method.decode() if isinstance(method, bytes) else method


async def _typed(call: Awaitable[_ResultT]) -> _ResultT:
    try:
        return await call
    except aio.AioRpcError as error:
        raise typed_error(error) from error
