"""A FastAPI application whose routes say what they ask of their callers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI

from examples.verifying.settings import Settings, verifying
from limen.client.verifier import Claims, Requirement
from limen.client.verifier.fastapi import Caller

SignedIn = Annotated[Claims, Depends(Caller())]
Reader = Annotated[Claims, Depends(Caller(Requirement(scopes={"users.read"})))]
JustNow = Annotated[Claims, Depends(Caller(Requirement(max_proof_age=300)))]


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; it looks for limen when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with verifying(settings or Settings.of()) as app.state.verifier:
            yield

    app = FastAPI(title="Greeter", lifespan=lifespan)

    @app.get("/greeting")
    async def greet(caller: SignedIn) -> dict[str, str]:
        """Names the caller."""
        return {"text": f"Come in, {caller.user_id}."}

    @app.get("/guests")
    async def guests(caller: Reader) -> dict[str, list[str]]:
        """Shows what a caller with `users.read` may see."""
        return {"scopes": sorted(caller.scopes)}

    @app.delete("/door")
    async def lock(caller: JustNow) -> dict[str, str]:
        """Takes a proof of identity that is at most five minutes old."""
        return {"locked_by": caller.user_id}

    return app
