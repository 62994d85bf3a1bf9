"""What nobody foresaw is told to the log and to Sentry, and to the caller as a request id alone."""

from contextlib import asynccontextmanager

import grpc
import pytest
from google.rpc import status_pb2
from structlog.testing import capture_logs

from limen.audit.v1 import audit_pb2
from limen.messages import reasons
from limen.users.v1 import users_pb2
from tests.eventually import soon
from tests.server.production import PRODUCTION
from tests.server.running_core import PASSWORD, bearer, core_settings, refused, running_core
from tests.server.sentry import sentry

SECRET = "what nobody may read"
ME = users_pb2.GetUserRequest(user_id="me")


class WordlessError(Exception):
    """Cannot even be written down."""

    def __str__(self) -> str:
        raise ValueError(SECRET)


UNEXPECTED = [
    ValueError(SECRET),
    KeyError(SECRET),
    OSError(2, SECRET, SECRET),
    RecursionError(SECRET),
    StopAsyncIteration(SECRET),
    UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET),
    ExceptionGroup(SECRET, [ValueError(SECRET)]),
    WordlessError(),
    grpc.aio.UsageError(SECRET),
    AssertionError("x" * 100_000 + SECRET),
    ValueError("\u0000\ud800 " + SECRET),
]


@asynccontextmanager
async def core_of(database_url, valkey_url, **changes):
    async with running_core(core_settings(database_url, valkey_url, **changes)) as core:
        yield core


def failing(error):
    async def fail(*_args: object, **_kwargs: object) -> None:
        raise error

    return fail


async def everything_said(call) -> str:
    """All that the caller of a failed call gets to see."""
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call
    error = failure.value
    metadata = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    details = [str(detail.value) for detail in status.details]
    told = [error.details(), str(metadata), status.message, *details]
    return "\n".join([*told, str(await call.initial_metadata()), error.debug_error_string()])


@pytest.mark.parametrize("profile", [{"profile": "test"}, PRODUCTION], ids=["test", "production"])
async def test_the_words_of_an_unexpected_error_stay_inside(
    database_url, valkey_url, monkeypatch, profile
):
    async with core_of(database_url, valkey_url, **profile) as core:
        here = await core.bearer()
        for error in UNEXPECTED:
            monkeypatch.setattr(core.domain.users, "get", failing(error))
            with capture_logs():
                said = await everything_said(core.users.GetUser(ME, metadata=here))
                answer = await refused(core.users.GetUser(ME, metadata=here))

            assert SECRET not in said
            assert "Traceback" not in said
            assert type(error).__name__ not in said
            assert (answer.code, answer.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
            assert not answer.trace
            assert answer.request_id


async def test_a_developer_sees_the_trace(database_url, valkey_url, monkeypatch):
    async with core_of(database_url, valkey_url, profile="development") as core:
        here = await core.bearer()
        monkeypatch.setattr(core.domain.users, "get", failing(ValueError(SECRET)))

        answer = await refused(core.users.GetUser(ME, metadata=here))

    assert answer.reason == "INTERNAL"
    assert f"ValueError: {SECRET}" in answer.trace[-1]
    assert SECRET not in answer.details


async def test_a_stream_that_breaks_tells_no_more(core, monkeypatch):
    async def breaks(*_: object):
        for entry in (await core.domain.audit.page(filter_text="", page_size=1, token=""))[0]:
            yield entry
        raise ValueError(SECRET)

    here = await core.bearer("auditor")
    monkeypatch.setattr(core.domain.audit, "watch", breaks)
    stream = core.audit.WatchEvents(audit_pb2.WatchEventsRequest(), metadata=here)

    assert (await stream.read()).event.action
    answer = await refused(stream.read())
    assert (answer.reason, answer.details.count(SECRET)) == ("INTERNAL", 0)


async def test_the_log_has_the_error_and_the_request_without_its_secrets(core, monkeypatch):
    monkeypatch.setattr(core.domain.signing_in, "sign_in", failing(ValueError("broken")))

    with capture_logs() as logs:
        answer = await refused(core.sign_in("ada@example.com"))

    (line,) = [line for line in logs if line["event"] == "unexpected"]
    assert line["log_level"] == "error"
    assert line["rpc"] == "/limen.auth.v1.AuthService/SignIn"
    assert line["request_id"] == answer.request_id
    assert line["request"] == {"email": "[redacted]", "password": "[redacted]"}
    assert line["exc_info"].args == ("broken",)


async def test_a_refusal_is_nothing_unexpected(core):
    with capture_logs() as logs:
        await refused(core.sign_in("nobody@example.com"))
        await refused(core.users.GetUser(ME))
        await refused(core.users.GetUser(users_pb2.GetUserRequest(user_id="x")))

    assert not [line for line in logs if line["event"] == "unexpected"]


async def test_sentry_hears_of_it_and_learns_nothing(database_url, valkey_url, monkeypatch):
    with sentry() as server:
        async with core_of(database_url, valkey_url, sentry_dsn=server.dsn) as core:
            monkeypatch.setattr(
                core.domain.signing_in, "sign_in", failing(ValueError(f"no {PASSWORD}"))
            )
            answer = await refused(core.sign_in("ada@example.com"))
            await soon(lambda: server.events)

    (event,) = server.events
    assert event["exception"]["values"][-1]["type"] == "ValueError"
    assert event["tags"] == {
        "request_id": answer.request_id,
        "where": "/limen.auth.v1.AuthService/SignIn",
    }
    assert PASSWORD not in server.raw
    assert "ada@example.com" not in server.raw


async def test_what_waits_for_sentry_is_sent_before_the_core_is_gone(
    database_url, valkey_url, monkeypatch
):
    with sentry() as server:
        async with core_of(database_url, valkey_url, sentry_dsn=server.dsn) as core:
            here = await core.bearer()
            monkeypatch.setattr(core.domain.users, "get", failing(ValueError))
            await refused(core.users.GetUser(ME, metadata=here))
        assert server.events


async def test_a_sentry_that_is_away_changes_no_answer(database_url, valkey_url, monkeypatch):
    dsn = "http://key@127.0.0.1:1/1"
    async with core_of(database_url, valkey_url, sentry_dsn=dsn) as core:
        here = await core.bearer()
        monkeypatch.setattr(core.domain.users, "get", failing(ValueError))

        assert (await refused(core.users.GetUser(ME, metadata=here))).reason == "INTERNAL"


@pytest.mark.parametrize(
    ("language", "expected"),
    [("de", "de"), ("de-AT, en;q=0.5", "de"), ("xx", "en"), ("", "en"), ("*;q=x", "en")],
)
async def test_an_error_speaks_the_language_of_its_caller(core, monkeypatch, language, expected):
    here = await core.bearer()
    monkeypatch.setattr(core.domain.users, "get", failing(ValueError(SECRET)))

    answer = await refused(core.users.GetUser(ME, metadata=(*here, ("accept-language", language))))

    assert answer.localized == reasons.reason("INTERNAL", expected)


async def test_every_session_lives_on_after_an_error(core, monkeypatch):
    account = await core.user()
    here = bearer(await core.sign_in(account.user.email))
    with monkeypatch.context() as patched:
        patched.setattr(core.domain.users, "get", failing(ValueError))
        await refused(core.users.GetUser(ME, metadata=here))

    assert (await core.users.GetUser(ME, metadata=here)).user.email == account.user.email
