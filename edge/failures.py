"""Turns everything that is raised below into a problem document."""

import grpc.aio
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from edge.answers import send_answer
from edge.facts import facts_of
from edge.problems import Problems
from edge.transcoding.fault import Fault
from edge.transcoding.frontier import Answer


class Failures:
    """Answers for what the app raises.

    A refusal becomes its problem document. Anything else is a defect: it is logged with its trace,
    and the caller learns the request id and nothing more. An answer that has begun cannot be
    replaced: it is left incomplete, which makes the server drop the connection.
    """

    def __init__(self, app: ASGIApp, *, problems: Problems, log: FilteringBoundLogger) -> None:
        self._app = app
        self._problems = problems
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, and answers for it if that fails."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:  # noqa: BLE001  # the last place that can answer for a defect
            answer = self._answer(scope, error)
            if not begun:
                await send_answer(answer, send)

    def _answer(self, scope: Scope, error: Exception) -> Answer:
        facts = facts_of(scope)
        if isinstance(error, Fault | grpc.aio.AioRpcError):
            return self._problems.of(error, facts)
        self._log.error("request_failed", request_id=facts.request_id, exc_info=error)
        return self._problems.unexpected(facts)
