"""A Starlette application behind `AsgiGuard`; any ASGI application will do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from examples.verifying.settings import Settings, verifying
from limen.client.verifier import AsgiGuard, Claims


async def greet(request: Request) -> JSONResponse:
    """Names the caller."""
    claims: Claims = request.state.limen
    return JSONResponse({"text": f"Come in, {claims.user_id}."})


async def health(_request: Request) -> JSONResponse:
    """Open to anybody."""
    return JSONResponse({"status": "well"})


def create_app(settings: Settings | None = None) -> Starlette:
    """The application; it looks for limen when it starts."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with verifying(settings or Settings.of()) as app.state.verifier:
            yield

    guard = Middleware(
        AsgiGuard,
        verifier=lambda scope: scope["app"].state.verifier,
        open_paths=["/health"],
    )
    return Starlette(
        routes=[Route("/greeting", greet), Route("/health", health)],
        middleware=[guard],
        lifespan=lifespan,
    )
