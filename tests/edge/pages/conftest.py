from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from edge.pages.routes import build_router


@pytest.fixture(scope="module")
def app() -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.include_router(build_router())
    return app


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://limen.test") as client:
        yield client
