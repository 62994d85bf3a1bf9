"""A stream ends with the access of its caller, not when the caller pleases."""

import asyncio
from uuid import UUID

import grpc
import pytest

from limen.audit.v1 import audit_pb2
from limen.auth.v1 import auth_pb2
from server.interceptors import lasting
from server.interceptors.lasting import while_allowed
from tests.server.running_core import bearer, refused

ANSWER_WITHIN = 20


class _EndedError(Exception):
    """Access has ended."""


@pytest.fixture
async def auditor(core):
    account = await core.user("auditor")
    signed_in = await core.sign_in(account.user.email)
    return account, signed_in


@pytest.fixture
async def stream(core, auditor):
    """A stream that has begun and has nothing to say."""
    begun = asyncio.Event()

    async def silence(_first):
        begun.set()
        await asyncio.Event().wait()
        yield

    core.domain.audit.watch = silence
    call = core.audit.WatchEvents(audit_pb2.WatchEventsRequest(), metadata=bearer(auditor[1]))
    reading = asyncio.create_task(refused(call.read()))
    await asyncio.wait_for(begun.wait(), ANSWER_WITHIN)
    yield reading
    call.cancel()


async def disable(core, user_id: UUID) -> None:
    await core.sql("UPDATE users.users SET state = 'disabled' WHERE user_id = :id", id=user_id)


async def test_signing_out_ends_an_idle_stream(core, auditor, stream):
    await core.auth.SignOut(auth_pb2.SignOutRequest(), metadata=bearer(auditor[1]))

    answer = await asyncio.wait_for(stream, ANSWER_WITHIN)

    assert (answer.code, answer.reason) == (
        grpc.StatusCode.UNAUTHENTICATED,
        "CREDENTIAL_INVALID",
    )


async def test_a_disabled_account_loses_its_streams(core, auditor, stream):
    await disable(core, auditor[0].user.user_id)

    assert (await asyncio.wait_for(stream, ANSWER_WITHIN)).reason == "CREDENTIAL_INVALID"


async def test_a_lost_role_takes_its_streams_along(core, auditor, stream):
    await core.sql("DELETE FROM users.role_grants WHERE user_id = :id", id=auditor[0].user.user_id)

    answer = await asyncio.wait_for(stream, ANSWER_WITHIN)

    assert (answer.reason, answer.code) == (
        "PERMISSION_DENIED",
        grpc.StatusCode.PERMISSION_DENIED,
    )


async def test_nothing_is_passed_on_once_access_has_ended():
    allowed = True

    async def check():
        if not allowed:
            raise _EndedError

    async def items():
        while True:
            yield "secret"

    stream = while_allowed(items(), check)
    assert await anext(stream) == "secret"
    allowed = False

    with pytest.raises(_EndedError):
        await anext(stream)


async def test_looking_again_loses_no_item(monkeypatch):
    monkeypatch.setattr(lasting, "_CHECK_SECONDS", 0.001)
    looks, looked_often = 0, asyncio.Event()

    async def check():
        nonlocal looks
        looks += 1
        if looks == 20:
            looked_often.set()

    async def items():
        await looked_often.wait()
        for number in range(100):
            yield number

    assert [item async for item in while_allowed(items(), check)] == list(range(100))


@pytest.mark.parametrize("ending", ["access", "consumer", "cancelled"])
async def test_the_source_has_cleaned_up_before_the_stream_has_ended(monkeypatch, ending):
    monkeypatch.setattr(lasting, "_CHECK_SECONDS", 0.001)
    closed, waiting = asyncio.Event(), asyncio.Event()

    async def check():
        if ending == "access" and waiting.is_set():
            raise _EndedError

    async def items():
        try:
            yield 1
            waiting.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    stream = while_allowed(items(), check)
    await anext(stream)
    if ending == "access":
        with pytest.raises(_EndedError):
            await anext(stream)
    elif ending == "consumer":
        await stream.aclose()
    else:
        reading = asyncio.create_task(anext(stream))
        await waiting.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    assert closed.is_set()


async def test_a_failure_of_the_source_reaches_the_caller():
    async def items():
        yield 1
        raise ValueError("broken")

    async def check():
        return None

    stream = while_allowed(items(), check)
    await anext(stream)
    with pytest.raises(ValueError, match="broken"):
        await anext(stream)
