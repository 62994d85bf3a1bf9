"""limen from Python: the generated stubs through `limen.client`, and a service that asks limen whom
it talks to.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc
import pytest
from examples.greeter.service import greeter_server
from examples.greeter.v1.greeter_pb2 import GreetRequest
from examples.greeter.v1.greeter_pb2_grpc import GreeterServiceStub
from grpc import aio

from limen.audit.v1.audit_pb2 import ListEventsRequest, WatchEventsRequest
from limen.auth.v1.auth_pb2 import (
    ListSessionsRequest,
    RevokeSessionRequest,
    SignUpRequest,
    VerifyEmailRequest,
)
from limen.client import Limen, PermissionDenied, Unauthenticated, connect
from limen.client.facade import SignedIn
from limen.users.v1.users_pb2 import GetUserRequest, ListUsersRequest
from tests.eventually import soon
from tests.flows.people import Person
from tests.system import System

ME = GetUserRequest(user_id="me")
Greet = Callable[[str], Awaitable[str]]


@pytest.fixture
async def client(limen: System) -> AsyncIterator[Limen]:
    """The client of limen, as any program has it."""
    async with connect(limen.grpc_address, deadline=20, user_agent="flow/1") as client:
        yield client


@pytest.fixture
async def administrator(limen: System, client: Limen) -> AsyncIterator[SignedIn]:
    async with await client.sign_in(limen.admin_email, limen.admin_password) as signed_in:
        yield signed_in


async def joined(limen: System, client: Limen) -> Person:
    """Somebody with a confirmed account."""
    person = Person(limen)
    await client.auth.SignUp(
        SignUpRequest(email=person.email, password=person.password, display_name="Ada")
    )
    token = await asyncio.to_thread(person.mailed_token)
    await client.auth.VerifyEmail(VerifyEmailRequest(token=token))
    return person


@asynccontextmanager
async def greeter(client: Limen) -> AsyncIterator[Greet]:
    """The example service, protected by the running limen; called with a token."""
    server = greeter_server(client)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = GreeterServiceStub(channel)

        async def greet(token: str) -> str:
            metadata = (("authorization", f"Bearer {token}"),)
            return (await stub.Greet(GreetRequest(), metadata=metadata, timeout=20)).text

        yield greet
    await server.stop(None)


async def test_from_sign_up_to_sign_out(
    limen: System, client: Limen, administrator: SignedIn
) -> None:
    ada = await joined(limen, client)
    with pytest.raises(Unauthenticated) as wrong:
        await client.sign_in(ada.email, "a wrong password")
    assert wrong.value.reason == "SIGN_IN_FAILED"

    session = await client.sign_in(ada.email, ada.password)
    user = (await session.users.GetUser(ME)).user
    assert (user.email, user.email_verified) == (ada.email, True)
    assert "flow/1 limen-client/" in session.session.user_agent
    with pytest.raises(PermissionDenied) as denied:
        await session.users.ListUsers(ListUsersRequest())
    assert denied.value.metadata == {"permission": "users.read"}

    listed = await administrator.audit.ListEvents(
        ListEventsRequest(filter=f'subject.id = "{user.user_id}"')
    )
    assert [event.action for event in listed.events] == [
        "auth.sign_in",
        "auth.sign_in",
        "auth.verify_email",
        "auth.sign_up",
    ]

    token = await session._credential.token()
    await session.sign_out()
    with pytest.raises(Unauthenticated):
        await client.users.GetUser(ME, metadata=(("authorization", f"Bearer {token}"),))


async def test_a_service_lets_in_whom_limen_knows_and_nobody_else(
    limen: System, client: Limen
) -> None:
    ada = await joined(limen, client)
    async with await client.sign_in(ada.email, ada.password) as session, greeter(client) as greet:
        token = await session._credential.token()

        assert await greet(token) == f"Come in, {session.user.user_id}."
        for stranger in ("", "x", f"{token}x", token[:-2]):
            with pytest.raises(aio.AioRpcError) as refused:
                await greet(stranger)
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_whoever_signs_out_is_shut_out_of_the_service_at_once(
    limen: System, client: Limen
) -> None:
    ada = await joined(limen, client)
    here = await client.sign_in(ada.email, ada.password)
    async with await client.sign_in(ada.email, ada.password) as there, greeter(client) as greet:
        token = await here._credential.token()
        assert await greet(token)
        sessions = (await there.auth.ListSessions(ListSessionsRequest())).sessions
        (other,) = [each for each in sessions if not each.current]

        await there.auth.RevokeSession(RevokeSessionRequest(session_id=other.session_id))

        with pytest.raises(aio.AioRpcError) as refused:
            await greet(token)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert await greet(await there._credential.token())
    await here.close()


async def test_the_log_can_be_followed(
    limen: System, client: Limen, administrator: SignedIn
) -> None:
    async def newest_index() -> int:
        """The place of the newest event; 0 while it has none."""
        return (
            (await administrator.audit.ListEvents(ListEventsRequest(page_size=1))).events[0].index
        )

    ada = await joined(limen, client)
    first = await soon(newest_index) + 1
    async with await client.sign_in(ada.email, ada.password) as session:
        stream = administrator.audit.WatchEvents(WatchEventsRequest(first_index=first))
        places = []
        async for answer in stream:
            places.append(answer.event.index)
            if answer.event.actor.id == session.user.user_id:
                break
        stream.cancel()

    assert answer.event.action == "auth.sign_in"
    assert places == list(range(first, first + len(places)))
