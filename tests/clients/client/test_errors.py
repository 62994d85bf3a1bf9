import copy
import pickle

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, LocalizedMessage, RetryInfo
from google.rpc.status_pb2 import Status

from limen.audit.v1.audit_pb2 import Event, WatchEventsRequest, WatchEventsResponse
from limen.client import (
    Aborted,
    AlreadyExists,
    DeadlineExceeded,
    FailedPrecondition,
    FieldFault,
    Internal,
    InvalidRequest,
    LimenError,
    NotFound,
    PermissionDenied,
    RequestTooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    connect,
)
from limen.users.v1.users_pb2 import CreateUserRequest, CreateUserResponse, GetUserRequest, User

Code = grpc.StatusCode


async def raised_by(backend, script, kind=LimenError):
    backend.script("CreateUser", script)
    async with connect(backend.address) as limen:
        with pytest.raises(kind) as caught:
            await limen.users.CreateUser(CreateUserRequest())
    return caught.value


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (Code.INVALID_ARGUMENT, "INVALID_REQUEST", InvalidRequest),
        (Code.UNAUTHENTICATED, "SIGN_IN_FAILED", Unauthenticated),
        (Code.PERMISSION_DENIED, "PERMISSION_DENIED", PermissionDenied),
        (Code.NOT_FOUND, "NOT_FOUND", NotFound),
        (Code.ALREADY_EXISTS, "ALREADY_EXISTS", AlreadyExists),
        (Code.ABORTED, "ETAG_MISMATCH", Aborted),
        (Code.FAILED_PRECONDITION, "EMAIL_NOT_VERIFIED", FailedPrecondition),
        (Code.RESOURCE_EXHAUSTED, "RATE_LIMITED", TooManyRequests),
        (Code.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE", RequestTooLarge),
        (Code.UNAVAILABLE, "UNAVAILABLE", Unavailable),
        (Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", DeadlineExceeded),
        (Code.UNIMPLEMENTED, "UNIMPLEMENTED", Unimplemented),
        (Code.INTERNAL, "INTERNAL", Internal),
        (Code.UNKNOWN, "", Internal),
    ],
)
async def test_the_kind_of_the_exception_tells_what_to_do(backend, refuse, code, reason, kind):
    error = await raised_by(backend, refuse(code, reason, "no"))
    assert type(error) is kind
    assert (error.code, error.reason, error.message) == (code, reason, "no")
    assert error.request_id == "req-1"


async def test_everything_that_limen_says_is_on_the_exception(backend, refuse):
    details = (
        BadRequest(
            field_violations=[
                BadRequest.FieldViolation(
                    field="user.email", reason="string.email", description="must be an address"
                ),
                BadRequest.FieldViolation(
                    field="user.displayName",
                    description="too long",
                    localized_message=LocalizedMessage(locale="de", message="zu lang"),
                ),
            ]
        ),
        RetryInfo(retry_delay=Duration(seconds=2, nanos=500_000_000)),
        LocalizedMessage(locale="de", message="Die Anfrage ist ungültig."),
    )
    error = await raised_by(
        backend,
        refuse(
            Code.INVALID_ARGUMENT, "INVALID_REQUEST", details=details, metadata={"resource": "user"}
        ),
        InvalidRequest,
    )
    assert error.fields == [
        FieldFault("user.email", "string.email", "must be an address"),
        FieldFault("user.displayName", "", "zu lang"),
    ]
    assert error.retry_after == 2.5
    assert error.message == "Die Anfrage ist ungültig."
    assert error.metadata == {"resource": "user"}
    assert str(error) == (
        "INVALID_REQUEST: Die Anfrage ist ungültig. "
        "[user.email: must be an address; user.displayName: zu lang] (request req-1)"
    )


async def test_a_reason_from_a_newer_server_stays_usable(backend, refuse):
    error = await raised_by(backend, refuse(Code.FAILED_PRECONDITION, "MOON_NOT_FULL"))
    assert (type(error), error.reason) == (FailedPrecondition, "MOON_NOT_FULL")


async def test_a_reason_of_somebody_else_is_not_taken_for_one_of_limen(backend, refuse):
    error = await raised_by(
        backend, refuse(Code.PERMISSION_DENIED, "IP_REFUSED", domain="googleapis.com")
    )
    assert (type(error), error.reason) == (PermissionDenied, "")


async def test_a_negative_delay_means_now(backend, refuse):
    retry = RetryInfo(retry_delay=Duration(seconds=-3))
    error = await raised_by(
        backend, refuse(Code.RESOURCE_EXHAUSTED, "RATE_LIMITED", details=(retry,))
    )
    assert error.retry_after == 0.0


def _status(*details, code=Code.INVALID_ARGUMENT, message="m"):
    return Status(code=code.value[0], message=message, details=details).SerializeToString()


@pytest.mark.parametrize(
    "malformed",
    [
        b"",
        b"\xff\xff\xff\xff",
        _status(code=Code.NOT_FOUND),
        _status(message="another message"),
        _status(AnyMessage(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff")),
        _status(
            AnyMessage(type_url="type.googleapis.com/google.rpc.BadRequest", value=b"\x0a\xff")
        ),
        _status(AnyMessage(type_url="type.googleapis.com/no.such.Type", value=b"\x0a\x00")),
        _status(AnyMessage(type_url="", value=b"x")),
    ],
)
async def test_details_that_cannot_be_read_leave_the_status(backend, malformed):
    async def script(_request, context):
        await context.abort(Code.INVALID_ARGUMENT, "m", (("grpc-status-details-bin", malformed),))

    error = await raised_by(backend, script, InvalidRequest)
    assert (error.message, error.reason, error.fields, error.retry_after) == ("m", "", [], None)


async def test_readable_details_survive_unreadable_ones(backend):
    broken = AnyMessage(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff")
    good = AnyMessage()
    good.Pack(ErrorInfo(domain="limen", reason="NOT_FOUND"))

    async def script(_request, context):
        details = _status(broken, good, code=Code.NOT_FOUND)
        await context.abort(Code.NOT_FOUND, "m", (("grpc-status-details-bin", details),))

    assert (await raised_by(backend, script, NotFound)).reason == "NOT_FOUND"


async def test_an_exception_in_the_server_is_an_internal_error(backend):
    async def script(_request, _context):
        raise RuntimeError("defect")

    assert type(await raised_by(backend, script)) is Internal


async def test_no_server_is_unavailable(unused_address):
    async with connect(unused_address) as limen:
        with pytest.raises(Unavailable) as caught:
            await limen.users.CreateUser(CreateUserRequest())
    assert caught.value.reason == ""
    assert caught.value.message


async def test_a_message_that_the_server_may_not_send_is_an_error_of_the_family(backend):
    async def script(_request, _context):
        return CreateUserResponse(user=User(display_name="x" * 5_000_000))

    assert type(await raised_by(backend, script)) is TooManyRequests


async def test_a_stream_raises_the_same_errors_before_its_first_answer(backend, refuse):
    script = refuse(
        Code.PERMISSION_DENIED, "PERMISSION_DENIED", metadata={"permission": "audit.read"}
    )

    async def stream(request, context):
        await script(request, context)
        yield WatchEventsResponse()

    backend.script("WatchEvents", stream)
    async with connect(backend.address) as limen:
        with pytest.raises(PermissionDenied) as caught:
            async for _ in limen.audit.WatchEvents(WatchEventsRequest()):
                pass
    assert caught.value.metadata == {"permission": "audit.read"}


async def test_a_stream_raises_the_same_errors_after_its_first_answer(backend, refuse):
    script = refuse(Code.INTERNAL, "INTERNAL")

    async def stream(request, context):
        yield WatchEventsResponse(event=Event(event_id="1"))
        yield WatchEventsResponse(event=Event(event_id="2"))
        await script(request, context)

    backend.script("WatchEvents", stream)
    async with connect(backend.address) as limen:
        answers = aiter(limen.audit.WatchEvents(WatchEventsRequest()))
        assert [(await anext(answers)).event.event_id for _ in range(2)] == ["1", "2"]
        with pytest.raises(Internal) as caught:
            await anext(answers)
    assert caught.value.reason == "INTERNAL"
    assert len(backend.calls) == 1


def test_errors_can_be_copied_and_pickled():
    error = InvalidRequest(
        Code.INVALID_ARGUMENT,
        "m",
        "INVALID_REQUEST",
        "id",
        [FieldFault("a", "b", "c")],
        1.5,
        {"k": "v"},
    )
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 - our own bytes
        assert type(twin) is InvalidRequest
        assert vars(twin) == vars(error)


async def test_a_refused_call_does_not_disturb_the_next(backend, refuse):
    backend.script("GetUser", refuse(Code.NOT_FOUND, "NOT_FOUND", times=1))
    async with connect(backend.address) as limen:
        with pytest.raises(NotFound):
            await limen.users.GetUser(GetUserRequest(user_id="me"))
        await limen.users.GetUser(GetUserRequest(user_id="me"))
