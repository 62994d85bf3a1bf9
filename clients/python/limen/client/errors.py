"""What a refused call raises: one family, sorted by what the caller can do about it.

limen explains a refusal with a `google.rpc.Status` (google/rpc/status.proto) whose details hold
an ErrorInfo, and where they help a BadRequest, a RetryInfo and a LocalizedMessage. Everything in
it is optional here, because an answer may also come from gRPC itself, from a proxy on the way or
from a server that is newer than this client.
"""

# ruff: noqa: N818 - named by their meaning: `except NotFound` reads as it is meant.

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2
from grpc import Call, StatusCode, aio
from grpc_status import rpc_status

from limen.auth.v1.auth_pb2 import Challenge

DOMAIN = "limen"
"""The ErrorInfo domain under which the reasons of the contract stand."""

CREDENTIAL_INVALID = "CREDENTIAL_INVALID"
"""The reason for which limen refuses a token that a fresh one may replace."""

_MessageT = TypeVar("_MessageT", bound=Message)


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One thing that is wrong with one field of the request."""

    field: str
    """The path of the field in the request, for instance `user.email`."""
    reason: str
    """Which rule is broken, in words that programs can rely on. May be empty."""
    message: str
    """What is wrong, for people."""


class LimenError(Exception):
    """A call to limen did not succeed. Every exception of this client is one of these."""

    def __init__(
        self,
        code: StatusCode,
        message: str = "",
        reason: str = "",
        request_id: str = "",
        fields: Sequence[FieldFault] = (),
        retry_after: float | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        # All of it goes to Exception, so that the error can be pickled and copied.
        super().__init__(code, message, reason, request_id, fields, retry_after, metadata)
        self.code = code
        """The gRPC status code."""
        self.message = message
        """What happened, for people, in the language of the call if limen speaks it."""
        self.reason = reason
        """The name of a `limen.errors.v1.ErrorReason` without its prefix, for instance
        `SIGN_IN_FAILED`. A newer server may give one that this client has not heard of. Empty
        when the answer does not come from limen."""
        self.request_id = request_id
        """The id under which limen logged the call. May be empty."""
        self.fields = list(fields)
        """What is wrong with which field, for InvalidRequest."""
        self.retry_after = retry_after
        """Seconds after which to try again, or None when limen names no time."""
        self.metadata = dict(metadata or {})
        """More about the reason, under the keys that the contract gives with it."""

    def __str__(self) -> str:
        text = f"{self.reason or self.code.name}: {self.message}"
        if self.fields:
            text += f" [{'; '.join(f'{fault.field}: {fault.message}' for fault in self.fields)}]"
        return f"{text} (request {self.request_id})" if self.request_id else text


class InvalidRequest(LimenError):
    """The request breaks a rule of the contract; `fields` says where. Do not send it again."""


class RequestTooLarge(LimenError):
    """The request is larger than limen accepts. Do not send it again."""


class Unauthenticated(LimenError):
    """The call carries no credential, or one that limen does not accept (any longer)."""


class SecondFactorRequired(Unauthenticated):
    """The password was right, and limen asks for a second factor: see `Limen.verify_sign_in`."""

    def __init__(self, challenge: Challenge) -> None:
        super().__init__(
            StatusCode.UNAUTHENTICATED, "limen asks for a second factor", "SECOND_FACTOR_REQUIRED"
        )
        self.args = (challenge,)
        self.challenge = challenge
        """The token to send along, and the factors that the account can answer with."""


class PermissionDenied(LimenError):
    """The caller is known but may not do this."""


class NotFound(LimenError):
    """There is no such thing."""


class AlreadyExists(LimenError):
    """There is such a thing already."""


class Aborted(LimenError):
    """Somebody else changed the thing in the meantime: read it again, then decide."""


class FailedPrecondition(LimenError):
    """The system is not in a state that allows the call; something must be done first."""


class TooManyRequests(LimenError):
    """A limit is used up. Try again after `retry_after` seconds."""


class Unavailable(LimenError):
    """limen cannot be reached or cannot serve now. Whether the call had an effect is unknown."""


class DeadlineExceeded(LimenError):
    """There was no answer in time. Whether the call had an effect is unknown."""


class Cancelled(LimenError):
    """The call was cancelled on the way, by neither side on purpose."""


class Unimplemented(LimenError):
    """The server does not know the call: it is older than this client, or not limen."""


class Internal(LimenError):
    """A defect, in limen or on the way. The request id leads to it in the logs."""


_BY_CODE: Mapping[StatusCode, type[LimenError]] = {
    StatusCode.INVALID_ARGUMENT: InvalidRequest,
    StatusCode.OUT_OF_RANGE: InvalidRequest,
    StatusCode.UNAUTHENTICATED: Unauthenticated,
    StatusCode.PERMISSION_DENIED: PermissionDenied,
    StatusCode.NOT_FOUND: NotFound,
    StatusCode.ALREADY_EXISTS: AlreadyExists,
    StatusCode.ABORTED: Aborted,
    StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    StatusCode.RESOURCE_EXHAUSTED: TooManyRequests,
    StatusCode.UNAVAILABLE: Unavailable,
    StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    StatusCode.CANCELLED: Cancelled,
    StatusCode.UNIMPLEMENTED: Unimplemented,
    StatusCode.INTERNAL: Internal,
    StatusCode.UNKNOWN: Internal,
    StatusCode.DATA_LOSS: Internal,
}

# One status code stands for two situations that call for opposite reactions.
_BY_REASON: Mapping[str, type[LimenError]] = {"REQUEST_TOO_LARGE": RequestTooLarge}


def typed_error(error: aio.AioRpcError) -> LimenError:
    """The exception for a failed call. Details that cannot be read count as absent."""
    status = _rich_status(error)
    infos = _details(status, error_details_pb2.ErrorInfo)
    info = next((info for info in infos if info.domain == DOMAIN), None)
    reason = info.reason if info else ""
    kind = _BY_REASON.get(reason) or _BY_CODE.get(error.code(), LimenError)
    return kind(
        error.code(),
        _message(error, status),
        reason,
        _request_id(error),
        _field_faults(status),
        _retry_after(status),
        dict(info.metadata) if info else {},
    )


def _rich_status(error: aio.AioRpcError) -> status_pb2.Status:
    try:
        # The error has what is asked of a call here: code, details and trailing metadata.
        status = rpc_status.from_call(cast("Call", error))
    except (DecodeError, ValueError):
        status = None
    return status or status_pb2.Status()


def _details(status: status_pb2.Status, kind: type[_MessageT]) -> Iterator[_MessageT]:
    for packed in status.details:
        if packed.Is(kind.DESCRIPTOR):
            detail = kind()
            try:
                packed.Unpack(detail)
            except DecodeError:
                continue
            yield detail


def _message(error: aio.AioRpcError, status: status_pb2.Status) -> str:
    localized = next(_details(status, error_details_pb2.LocalizedMessage), None)
    return (localized.message if localized else "") or error.details() or ""


def _field_faults(status: status_pb2.Status) -> list[FieldFault]:
    return [
        FieldFault(fault.field, fault.reason, fault.localized_message.message or fault.description)
        for bad_request in _details(status, error_details_pb2.BadRequest)
        for fault in bad_request.field_violations
    ]


def _retry_after(status: status_pb2.Status) -> float | None:
    retry = next(_details(status, error_details_pb2.RetryInfo), None)
    if retry is None or not retry.HasField("retry_delay"):
        return None
    return max(0.0, float(retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9))


def _request_id(error: aio.AioRpcError) -> str:
    for metadata in (error.trailing_metadata(), error.initial_metadata()):
        value = metadata.get("x-request-id") if metadata is not None else None
        if isinstance(value, str):
            return value
    return ""
