"""The example services that verify tokens themselves, with a real core behind them."""

import httpx
import pytest
import pytest_asyncio
from examples.greeter.v1.greeter_pb2 import GreetRequest
from examples.greeter.v1.greeter_pb2_grpc import GreeterServiceStub
from examples.verifying import asgi_app, fastapi_app, grpc_service
from examples.verifying.settings import Settings, verifying
from grpc import StatusCode, aio

from limen.auth.v1 import auth_pb2
from tests.eventually import soon
from tests.server.running_core import bearer, core_settings, running_core

pytestmark = pytest.mark.asyncio(loop_scope="module")

ISSUER = "https://id.example"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def core(database_url: str, valkey_url: str):
    async with running_core(core_settings(database_url, valkey_url, issuer=ISSUER)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def settings(core) -> Settings:
    service = await core.sign_in((await core.user("service")).user.email)
    return Settings.of(
        {
            "LIMEN": f"127.0.0.1:{core.core.port}",
            "LIMEN_TOKEN": service.tokens.access_token,
            "LIMEN_ISSUER": ISSUER,
        }
    )


@pytest_asyncio.fixture(loop_scope="module")
async def ada(core):
    return await core.sign_in((await core.user("support")).user.email)


async def sign_out(core, session) -> None:
    await core.auth.SignOut(auth_pb2.SignOutRequest(), metadata=bearer(session))


async def test_grpc(core, settings, ada):
    async with verifying(settings) as verifier:
        server = grpc_service.server(verifier, grpc_service.REQUIREMENTS)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = GreeterServiceStub(channel)

            async def outcome():
                try:
                    return (await stub.Greet(GreetRequest(), metadata=bearer(ada))).text
                except aio.AioRpcError as error:
                    return error.code()

            assert await outcome() == f"Come in, {ada.user.user_id}."
            await sign_out(core, ada)

            async def is_refused():
                return await outcome() is StatusCode.UNAUTHENTICATED

            await soon(is_refused)
        await server.stop(None)


async def test_asgi(core, settings, ada):
    app = asgi_app.create_app(settings)
    async with app.router.lifespan_context(app), _browsing(app) as client:
        assert (await client.get("/health")).json() == {"status": "well"}
        assert (await client.get("/greeting")).status_code == 401
        answer = await client.get("/greeting", headers=dict(bearer(ada)))
        assert answer.json() == {"text": f"Come in, {ada.user.user_id}."}
        await sign_out(core, ada)

        async def is_refused():
            return (await client.get("/greeting", headers=dict(bearer(ada)))).status_code == 401

        await soon(is_refused)


async def test_fastapi(core, settings, ada):
    app = fastapi_app.create_app(settings)
    stranger = await core.sign_in((await core.user()).user.email)
    async with app.router.lifespan_context(app), _browsing(app) as client:

        async def get(path, session):
            return await client.get(path, headers=dict(bearer(session)))

        assert (await client.get("/greeting")).status_code == 401
        answer = await get("/greeting", ada)
        assert answer.json() == {"text": f"Come in, {ada.user.user_id}."}
        assert "users.read" in (await get("/guests", ada)).json()["scopes"]
        refused = await get("/guests", stranger)
        assert refused.status_code == 403
        assert refused.json()["detail"]["metadata"] == {"permission": "users.read"}
        locked = await client.delete("/door", headers=dict(bearer(ada)))
        assert locked.json() == {"locked_by": ada.user.user_id}
        await sign_out(core, ada)

        async def is_refused():
            return (await get("/greeting", ada)).status_code == 401

        await soon(is_refused)


def _browsing(app) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")
