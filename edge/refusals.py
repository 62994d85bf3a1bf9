"""What a refusal says, whether the core or the edge made it, before anybody words it for HTTP."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import grpc.aio
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import (
    BadRequest,
    ErrorInfo,
    LocalizedMessage,
    RetryInfo,
)
from google.rpc.status_pb2 import Status

from edge.field_names import as_sent, json_path
from edge.transcoding.fault import Fault, FieldFault
from edge.transcoding.route import Route
from edge.transcoding.status import http_status
from limen import messages

_DETAILS = "grpc-status-details-bin"
_DOMAIN = "limen"

_REASONS = {
    grpc.StatusCode.INVALID_ARGUMENT: "INVALID_REQUEST",
    grpc.StatusCode.OUT_OF_RANGE: "INVALID_REQUEST",
    grpc.StatusCode.UNAUTHENTICATED: "UNAUTHENTICATED",
    grpc.StatusCode.PERMISSION_DENIED: "PERMISSION_DENIED",
    grpc.StatusCode.NOT_FOUND: "NOT_FOUND",
    grpc.StatusCode.ALREADY_EXISTS: "ALREADY_EXISTS",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "OVERLOADED",
    grpc.StatusCode.UNAVAILABLE: "UNAVAILABLE",
    grpc.StatusCode.DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
    grpc.StatusCode.UNIMPLEMENTED: "UNIMPLEMENTED",
}
# The one reason whose HTTP status the contract sets apart from that of its code.
_STATUSES = {"REQUEST_TOO_LARGE": 413}
# A core that restarts or sheds load is back within about this many seconds.
_SHORT_WAIT = 1


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with one field."""

    field: str
    """The path as the client knows it, in JSON names, for instance `displayName`."""
    reason: str
    """The rule that is broken, for instance `string.email`."""
    message: str
    """What to change, in the language of the caller."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was refused."""

    status: int
    code: grpc.StatusCode
    reason: str
    detail: str
    """What happened, in `language`."""
    language: str
    retry_after: int | None = None
    """Whole seconds after which trying again makes sense."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()
    headers: tuple[tuple[bytes, bytes], ...] = ()


def of_fault(fault: Fault, language: str, route: Route | None = None) -> Refusal:
    """The refusal that the edge itself raised, worded in `language`.

    Fields are named as clients of `route` know them.
    """
    return Refusal(
        status=fault.status,
        code=fault.code,
        reason=fault.reason,
        detail=messages.reason(fault.reason, language),
        language=language,
        violations=tuple(_worded(each, language, route) for each in fault.fields),
        headers=tuple(fault.headers),
    )


def of_rpc(error: grpc.aio.AioRpcError, language: str, route: Route | None = None) -> Refusal:
    """The refusal that the core, or gRPC on the way to it, gave.

    The core words its refusals in the language of the call. What only gRPC says, such as that no
    core can be reached, is worded here in `language`; its own text never leaves the edge. Fields
    are named as clients of `route` know them.
    """
    # Only a core that stops cancels a call whose client still waits.
    code = error.code()
    code = grpc.StatusCode.UNAVAILABLE if code is grpc.StatusCode.CANCELLED else code
    details = _details(error)
    reason = details.reason or _REASONS.get(code, "INTERNAL")
    wait = details.wait
    if wait is None and code is grpc.StatusCode.UNAVAILABLE:
        wait = _SHORT_WAIT
    return Refusal(
        status=_STATUSES.get(reason, http_status(code)),
        code=code,
        reason=reason,
        detail=details.words.message or _sentence(reason, language, details.metadata, wait),
        language=details.words.locale or language,
        retry_after=wait,
        metadata=details.metadata,
        violations=details.violations(route),
    )


def is_explained(error: grpc.aio.AioRpcError) -> bool:
    """Whether the core itself gave the reason, rather than gRPC or a defect."""
    return bool(_details(error).reason)


@dataclass(frozen=True, slots=True)
class _Details:
    """The details of a `google.rpc.Status`; those that are absent are empty."""

    info: ErrorInfo = field(default_factory=ErrorInfo)
    words: LocalizedMessage = field(default_factory=LocalizedMessage)
    retry: RetryInfo = field(default_factory=RetryInfo)
    request: BadRequest = field(default_factory=BadRequest)

    @property
    def reason(self) -> str:
        """The reason, if it is one of the contract's."""
        return self.info.reason if self.info.domain == _DOMAIN else ""

    @property
    def metadata(self) -> Mapping[str, str]:
        return dict(self.info.metadata) if self.reason else {}

    @property
    def wait(self) -> int | None:
        """Seconds, rounded up, so that nobody comes back too early."""
        if not self.retry.HasField("retry_delay"):
            return None
        delay: Duration = self.retry.retry_delay
        return max(math.ceil(delay.seconds + delay.nanos / 1e9), 1)

    def violations(self, route: Route | None) -> tuple[Violation, ...]:
        return tuple(
            Violation(
                field=as_sent(json_path(each.field), route),
                reason=each.reason,
                message=each.localized_message.message or each.description,
            )
            for each in self.request.field_violations
        )


def _details(error: grpc.aio.AioRpcError) -> _Details:
    details = _Details()
    try:
        for packed in _status(error).details:
            for known in (details.info, details.words, details.retry, details.request):
                if packed.Is(known.DESCRIPTOR):
                    packed.Unpack(known)
    except DecodeError:
        return _Details()
    return details


def _status(error: grpc.aio.AioRpcError) -> Status:
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS and isinstance(value, bytes):
            return Status.FromString(value)
    return Status()


def _sentence(reason: str, language: str, metadata: Mapping[str, str], wait: int | None) -> str:
    params = {key: value for key, value in metadata.items() if key.isidentifier()}
    if wait is not None:
        params["retry_seconds"] = str(wait)
    return messages.reason(reason, language, **params)


def _worded(fault: FieldFault, language: str, route: Route | None) -> Violation:
    worded = messages.violation(fault.rule, fault.params, language)
    # What is wrong with a query bears the names of the query already.
    is_of_query = fault.rule.startswith("query.")
    field = fault.field if is_of_query else as_sent(fault.field, route)
    return Violation(field, fault.rule, worded or fault.message)
