"""What the edge serves besides the API, by FastAPI."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus

import grpc
from fastapi import APIRouter, FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from edge.facts import facts_of
from edge.problems import Problems
from edge.transcoding.fault import Fault
from edge.transcoding.frontier import Answer

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

_REASONS = {
    HTTPStatus.NOT_FOUND: (grpc.StatusCode.NOT_FOUND, "ROUTE_NOT_FOUND"),
    HTTPStatus.METHOD_NOT_ALLOWED: (grpc.StatusCode.UNIMPLEMENTED, "METHOD_NOT_ALLOWED"),
}
_OTHER_REASON = (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


def make_website(*routers: APIRouter, problems: Problems, lifespan: Lifespan) -> FastAPI:
    """A FastAPI app of some routers whose refusals are problem documents like all others."""
    # FastAPI's own documentation loads scripts of others and knows nothing of the API.
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    for router in routers:
        app.include_router(router)

    async def refuse(request: Request, error: Exception) -> Response:
        return _response(problems.of(_fault(error), facts_of(request.scope)))

    async def fail(request: Request, error: Exception) -> Response:  # noqa: ARG001  # for the log
        return _response(problems.unexpected(facts_of(request.scope)))

    app.add_exception_handler(HTTPException, refuse)
    app.add_exception_handler(Exception, fail)
    return app


def _fault(error: Exception) -> Fault:
    if not isinstance(error, HTTPException):
        raise error
    code, reason = _REASONS.get(HTTPStatus(error.status_code), _OTHER_REASON)
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in (error.headers or {}).items()
    ]
    return Fault(error.status_code, code, reason, error.detail, headers=headers)


def _response(answer: Answer) -> Response:
    response = Response(answer.body, answer.status)
    response.raw_headers = list(answer.headers)
    return response
