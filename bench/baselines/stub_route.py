"""`python -m bench.baselines.stub_route PORT CORE`: who-am-I as a careful hand would write it.

FastAPI in front of the same core: a bearer dependency, the generated stub on one channel, and a
Pydantic model for the answer. It does less than the edge: no log, no cookie, no limits, no
problem details.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

import grpc
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from limen.users.v1 import users_pb2, users_pb2_grpc

_STATUS = {
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
}
_TIMEOUT = 15.0

_bearer = HTTPBearer()


class User(BaseModel):
    """The answer, in the names of the contract's JSON."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    user_id: str
    email: str
    email_verified: bool
    display_name: str
    locale: str
    state: str
    roles: list[str]
    create_time: datetime
    update_time: datetime
    etag: str
    kind: str


def build(core: str) -> FastAPI:
    """An app with one route, which calls the core at the address `core`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with grpc.aio.insecure_channel(core) as channel:
            app.state.users = users_pb2_grpc.UserServiceStub(channel)
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/v1/users/{user_id}")
    async def get_user(
        user_id: str,
        request: Request,
        credentials: Annotated[HTTPAuthorizationCredentials, Depends(_bearer)],
    ) -> User:
        try:
            answer = await request.app.state.users.GetUser(
                users_pb2.GetUserRequest(user_id=user_id),
                metadata=(("authorization", f"Bearer {credentials.credentials}"),),
                timeout=_TIMEOUT,
            )
        except grpc.aio.AioRpcError as error:
            status = _STATUS.get(error.code(), 502)
            raise HTTPException(status, detail=error.details()) from error
        return _shown(answer.user)

    return app


def _shown(user: users_pb2.User) -> User:
    return User(
        user_id=user.user_id,
        email=user.email,
        email_verified=user.email_verified,
        display_name=user.display_name,
        locale=user.locale,
        state=users_pb2.UserState.Name(user.state),
        roles=list(user.roles),
        create_time=user.create_time.ToDatetime(tzinfo=UTC),
        update_time=user.update_time.ToDatetime(tzinfo=UTC),
        etag=user.etag,
        kind=users_pb2.UserKind.Name(user.kind),
    )


def main() -> None:
    """Serves until it is killed."""
    uvicorn.run(
        build(sys.argv[2]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
