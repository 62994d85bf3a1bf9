"""The way of another service: the generated stubs through `limen.client`, and one RPC of its own
that limen protects.
"""

import re
from uuid import uuid4

import grpc
import pytest
from examples.greeter.service import greeter_server
from examples.greeter.v1.greeter_pb2 import GreetRequest
from examples.greeter.v1.greeter_pb2_grpc import GreeterServiceStub

from limen.audit.v1.audit_pb2 import ListEventsRequest
from limen.auth.v1.auth_pb2 import (
    SignInRequest,
    SignOutRequest,
    SignUpRequest,
    VerifyEmailRequest,
)
from limen.client import Unauthenticated, connect
from limen.users.v1.users_pb2 import GetUserRequest

PASSWORD = "three boats at dawn"


@pytest.fixture
async def client(limen):
    async with connect(limen.grpc_address) as client:
        yield client


async def sign_up(client, limen):
    email = f"ada-{uuid4().hex}@example.org"
    await client.auth.SignUp(SignUpRequest(email=email, password=PASSWORD, display_name="Ada"))
    mail = limen.wait_for_mail(email)
    token = re.search(r"[?]token=([\w-]+)", mail["text"])[1]
    await client.auth.VerifyEmail(VerifyEmailRequest(token=token))
    return email


async def test_a_person_comes_and_goes(client, limen):
    email = await sign_up(client, limen)
    ada = await client.sign_in(email, PASSWORD)

    me = (await ada.users.GetUser(GetUserRequest(user_id="me"))).user
    assert (me.email, me.display_name) == (email, "Ada")

    async with await client.sign_in(limen.admin_email, limen.admin_password) as admin:
        request = ListEventsRequest(filter=f'subject.id = "{me.user_id}"')
        events = (await admin.audit.ListEvents(request)).events
    assert [event.action for event in events][::-1] == [
        "auth.sign_up",
        "auth.verify_email",
        "auth.sign_in",
    ]

    await ada.sign_out()
    with pytest.raises(Unauthenticated):
        await ada.users.GetUser(GetUserRequest(user_id="me"))


async def test_another_service_lets_in_whom_limen_knows(client, limen):
    email = await sign_up(client, limen)
    tokens = (await client.auth.SignIn(SignInRequest(email=email, password=PASSWORD))).tokens
    server = greeter_server(client)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            greeter = GreeterServiceStub(channel)
            ours = (("authorization", f"Bearer {tokens.access_token}"),)

            greeting = await greeter.Greet(GreetRequest(), metadata=ours)
            with pytest.raises(grpc.aio.AioRpcError) as nobody:
                await greeter.Greet(GreetRequest())
            await client.auth.SignOut(SignOutRequest(), metadata=ours)
            with pytest.raises(grpc.aio.AioRpcError) as gone:
                await greeter.Greet(GreetRequest(), metadata=ours)
    finally:
        await server.stop(None)

    assert greeting.text.startswith("Come in, ")
    assert nobody.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert gone.value.code() is grpc.StatusCode.UNAUTHENTICATED
