"""Services that verify tokens themselves hear of every end of a session, soon."""

import asyncio
import contextlib
import time
from uuid import UUID

import grpc
import pytest
import pytest_asyncio

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from server.audit.actions import Action
from server.auth.key_rotation import Manner
from server.auth.one_time_tokens import Purpose
from tests.eventually import soon
from tests.server.running_core import PASSWORD, bearer, core_settings, refused, running_core

pytestmark = pytest.mark.asyncio(loop_scope="module")

WITHIN = 20


class Stream:
    """A stream of revocations, read in the background."""

    def __init__(self, call) -> None:
        self.call = call
        self.times: dict[str, float] = {}
        self.revocations = []
        self.messages = []
        self.failure: grpc.aio.AioRpcError | None = None
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            async for message in self.call:
                for each in message.revocations:
                    self.times.setdefault(each.session_id, time.monotonic())
                    self.revocations.append(each)
                self.messages.append(message)
        except grpc.aio.AioRpcError as error:
            self.failure = error

    @property
    def cursor(self) -> str:
        return next((m.cursor for m in reversed(self.messages) if m.cursor), "")

    async def tells(self, *session_ids: str) -> None:
        await soon(lambda: set(session_ids) <= set(self.times), within=WITHIN)

    async def ends(self) -> grpc.aio.AioRpcError:
        await asyncio.wait_for(self.task, WITHIN)
        assert self.failure is not None
        return self.failure


@contextlib.asynccontextmanager
async def streaming(core, metadata, cursor=""):
    request = auth_pb2.WatchRevocationsRequest(cursor=cursor)
    stream = Stream(core.auth.WatchRevocations(request, metadata=metadata))
    try:
        await soon(lambda: stream.cursor or stream.failure, within=WITHIN)
        yield stream
    finally:
        stream.call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await stream.task


@pytest_asyncio.fixture(loop_scope="module")
async def service(core):
    return await core.bearer("service")


async def signed_in(core, email="", *roles):
    return await core.sign_in(email or (await core.user(*roles)).user.email)


async def sign_out(core, answer):
    await core.auth.SignOut(auth_pb2.SignOutRequest(), metadata=bearer(answer))


async def revoke(core, answer):
    here = bearer(await signed_in(core, answer.user.email))
    request = auth_pb2.RevokeSessionRequest(session_id=answer.session.session_id)
    await core.auth.RevokeSession(request, metadata=here)


async def revoke_others(core, answer):
    here = bearer(await signed_in(core, answer.user.email))
    await core.auth.RevokeOtherSessions(auth_pb2.RevokeOtherSessionsRequest(), metadata=here)


async def reauthenticate(core, answer):
    request = auth_pb2.ReauthenticateRequest(password=PASSWORD)
    await core.auth.Reauthenticate(request, metadata=bearer(answer))


async def reuse_a_refresh_token(core, answer):
    request = auth_pb2.RefreshTokensRequest(refresh_token=answer.tokens.refresh_token)
    renewed = await core.auth.RefreshTokens(request)
    await core.auth.RefreshTokens(
        auth_pb2.RefreshTokensRequest(refresh_token=renewed.tokens.refresh_token)
    )
    assert (await refused(core.auth.RefreshTokens(request))).reason == "REFRESH_TOKEN_REUSED"


async def change_the_password(core, answer):
    here = bearer(await signed_in(core, answer.user.email))
    request = auth_pb2.ChangePasswordRequest(
        current_password=PASSWORD, new_password="an entirely new password"
    )
    await core.auth.ChangePassword(request, metadata=here)


async def reset_the_password(core, answer):
    async with core.domain.database.transaction() as tx:
        await core.domain.letters.send_token(
            tx, UUID(answer.user.user_id), Purpose.RESET_PASSWORD, template="reset_password"
        )
    token = await core.mailed_token(answer.user.email, "reset_password")
    await core.auth.ResetPassword(
        auth_pb2.ResetPasswordRequest(token=token, new_password="an entirely new password")
    )


async def disable(core, answer):
    request = users_pb2.DisableUserRequest(user_id=answer.user.user_id)
    await core.users.DisableUser(request, metadata=await core.bearer("admin"))


async def delete_the_user(core, answer):
    await core.sql(
        "DELETE FROM users.users WHERE user_id = CAST(:id AS uuid)", id=answer.user.user_id
    )


async def delete_the_session(core, answer):
    await core.sql(
        "DELETE FROM auth.sessions WHERE session_id = CAST(:id AS uuid)",
        id=answer.session.session_id,
    )


async def end_it_by_hand(core, answer):
    await core.sql(
        "UPDATE auth.sessions SET revoke_time = now() WHERE session_id = CAST(:id AS uuid)",
        id=answer.session.session_id,
    )


@pytest.mark.parametrize(
    "ending",
    [
        sign_out,
        revoke,
        revoke_others,
        reauthenticate,
        reuse_a_refresh_token,
        change_the_password,
        reset_the_password,
        disable,
        delete_the_user,
        delete_the_session,
        end_it_by_hand,
    ],
)
async def test_every_way_a_session_ends_is_told(core, service, ending):
    answer = await signed_in(core)
    async with streaming(core, service) as stream:
        await ending(core, answer)

        await stream.tells(answer.session.session_id)

        told = [each.session_id for each in stream.revocations]
        assert told.count(answer.session.session_id) == 1


async def test_sweeping_what_has_expired_tells_nothing(core, service):
    over, last = await signed_in(core), await signed_in(core)
    here = {"id": over.session.session_id}
    await core.sql(
        "UPDATE auth.sessions SET expire_time = now() - interval '1 second'"
        " WHERE session_id = CAST(:id AS uuid)",
        **here,
    )
    async with streaming(core, service) as stream:
        await core.sql("DELETE FROM auth.sessions WHERE session_id = CAST(:id AS uuid)", **here)
        await sign_out(core, last)
        await stream.tells(last.session.session_id)

        assert over.session.session_id not in stream.times


async def test_a_session_that_was_ended_is_not_told_again_when_its_row_goes(core, service):
    over, last = await signed_in(core), await signed_in(core)
    async with streaming(core, service) as stream:
        await sign_out(core, over)
        await delete_the_session(core, over)
        await sign_out(core, last)
        await stream.tells(last.session.session_id)

        told = [each.session_id for each in stream.revocations]
        assert told.count(over.session.session_id) == 1


async def test_a_revocation_says_when_it_may_be_forgotten(core, service):
    answer = await signed_in(core)
    async with streaming(core, service) as stream:
        await sign_out(core, answer)
        await stream.tells(answer.session.session_id)

    (told,) = (e for e in stream.revocations if e.session_id == answer.session.session_id)
    assert told.forget_time.ToDatetime() > answer.tokens.access_token_expire_time.ToDatetime()


async def test_a_break_is_mended_without_a_gap(core, service):
    before, between = await signed_in(core), await signed_in(core)
    async with streaming(core, service) as stream:
        await sign_out(core, before)
        await stream.tells(before.session.session_id)
        seen = len(stream.messages)
        await soon(lambda: len(stream.messages) > seen)
    await sign_out(core, between)

    async with streaming(core, service, stream.cursor) as again:
        await again.tells(between.session.session_id)

    assert before.session.session_id not in again.times


async def test_a_stream_lives_while_nothing_happens(core, service):
    async with streaming(core, service) as stream:
        seen = len(stream.messages)
        began = time.monotonic()
        await soon(lambda: len(stream.messages) >= seen + 4)

        assert time.monotonic() - began < 4 + WITHIN / 10
        assert all(message.cursor for message in stream.messages)


async def test_only_services_may_watch(core):
    for metadata in (await core.bearer(), await core.bearer("auditor")):
        async with streaming(core, metadata) as stream:
            assert (await stream.ends()).code() is grpc.StatusCode.PERMISSION_DENIED
    async with streaming(core, ()) as stream:
        assert (await stream.ends()).code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("cursor", ["x y", "a" * 129, "é", "a/b", "\x00"])
async def test_what_cannot_be_a_cursor_is_refused(core, service, cursor):
    async with streaming(core, service, cursor) as stream:
        assert (await stream.ends()).code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_the_stream_ends_with_the_session_of_the_watcher(core):
    answer = await signed_in(core, "", "service")
    async with streaming(core, bearer(answer)) as stream:
        await sign_out(core, answer)

        assert (await stream.ends()).code() is grpc.StatusCode.UNAUTHENTICATED


async def test_the_stream_ends_with_the_permission_of_the_watcher(core):
    answer = await signed_in(core, "", "service")
    async with streaming(core, bearer(answer)) as stream:
        await core.sql(
            "DELETE FROM users.role_grants WHERE user_id = CAST(:id AS uuid)",
            id=answer.user.user_id,
        )

        assert (await stream.ends()).code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_core_that_stops_ends_its_streams_at_once(core, database_url, valkey_url):
    service = await core.bearer("service")
    settings = core_settings(database_url, valkey_url, shutdown_grace=60)
    async with running_core(settings) as other, streaming(other, service) as stream:
        stopping = asyncio.create_task(other.core.stop())

        assert (await stream.ends()).code() is grpc.StatusCode.UNAVAILABLE
        await asyncio.wait_for(stopping, WITHIN)


async def test_twenty_streams_over_three_cores_hear_of_everything(core, database_url, valkey_url):
    service = await core.bearer("service")
    email = (await core.user()).user.email
    async with contextlib.AsyncExitStack() as stack:
        cores = [core]
        for _ in range(2):
            settings = core_settings(database_url, valkey_url)
            cores.append(await stack.enter_async_context(running_core(settings)))
        streams = [
            await stack.enter_async_context(streaming(cores[number % 3], service))
            for number in range(20)
        ]
        answers = [await signed_in(core, email) for _ in range(50)]
        here = bearer(await signed_in(core, email))
        await asyncio.gather(
            *(
                cores[number % 3].auth.RevokeSession(
                    auth_pb2.RevokeSessionRequest(session_id=answer.session.session_id),
                    metadata=here,
                )
                for number, answer in enumerate(answers)
            )
        )

        for stream in streams:
            await stream.tells(*(answer.session.session_id for answer in answers))


async def test_changed_keys_are_told_and_published(core, service):
    async with streaming(core, service) as stream:
        await soon(lambda: not stream.messages[-1].keys_changed)
        seen = len(stream.messages)

        rotated = await core.domain.key_rotation.rotate(Manner.IMMEDIATE)

        await soon(lambda: any(each.keys_changed for each in stream.messages[seen:]))
        published = (await core.auth.GetJwks(auth_pb2.GetJwksRequest())).keys
        assert rotated.key.key_id in {key.kid for key in published}
        assert await core.events(action=Action.ROTATE_KEYS)
