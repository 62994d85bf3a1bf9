"""The one place that makes a status, and that hides what nobody foresaw."""

import traceback
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Never

import grpc
import structlog
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from limen.messages import reasons, violations
from server import errors
from server.interceptors.call import Call
from server.interceptors.origin import REQUEST_ID
from server.interceptors.redaction import Redaction
from server.platform.reporting import Reporter

DOMAIN = "limen"

_DETAILS = "grpc-status-details-bin"

# Clients refuse trailers of more than 8 KiB, and then know nothing of the status at all.
_MOST_VIOLATIONS = 20
_MOST_BYTES_OF_VIOLATIONS = 4096
_LONGEST_VALUE = 100
_MOST_CALLS_SHOWN = 20
_LONGEST_CALL_SHOWN = 200

_log = structlog.get_logger(__name__)


class Errors:
    """Turns what a call raised into `google.rpc.Status` with typed, localised details."""

    def __init__(self, *, reporter: Reporter, redaction: Redaction, shows_traces: bool) -> None:
        self._reporter = reporter
        self._redaction = redaction
        self._shows_traces = shows_traces

    async def answer(self, call: Call, error: Exception, request: Message | None) -> Never:
        """Ends the call with the status for `error`, by raising what gRPC takes for that.

        An error that is not of limen's family tells the caller a request id and nothing else; in
        the development profile its trace goes along as `google.rpc.DebugInfo`.
        """
        if isinstance(error, errors.LimenError):
            known, trace = error, None
        else:
            known, trace = errors.Internal(), self._unexpected(call, error, request)
        status = status_of(known, call.origin.language, call.origin.request_id, trace)
        call.code, call.reason = known.code, known.reason
        await call.context.abort(
            getattr(grpc.StatusCode, known.code),
            status.message,
            ((REQUEST_ID, call.origin.request_id), (_DETAILS, status.SerializeToString())),
        )

    def _unexpected(
        self, call: Call, error: Exception, request: Message | None
    ) -> list[str] | None:
        request_id, rpc = call.origin.request_id, call.rule.path
        shown = self._redaction.shown(request) if request is not None else None
        _log.error("unexpected", rpc=rpc, request_id=request_id, request=shown, exc_info=error)
        self._reporter.report(error, request_id=request_id, where=rpc)
        return _trace(error) if self._shows_traces else None


def status_of(
    error: errors.LimenError, language: str, request_id: str, trace: list[str] | None = None
) -> status_pb2.Status:
    """The status of a refused call: ErrorInfo, LocalizedMessage and RequestInfo always; BadRequest,
    RetryInfo and DebugInfo where they apply (AIP-193).
    """
    message = reasons.reason(error.reason, language, **error.metadata)
    return status_pb2.Status(
        code=code_pb2.Code.Value(error.code),
        message=reasons.reason(error.reason, "en", **error.metadata),
        details=[
            _packed(detail) for detail in _details(error, message, language, request_id, trace)
        ],
    )


def _details(
    error: errors.LimenError, message: str, language: str, request_id: str, trace: list[str] | None
) -> Iterable[Any]:
    yield error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    yield error_details_pb2.LocalizedMessage(locale=language, message=message)
    yield error_details_pb2.RequestInfo(request_id=request_id)
    if error.faults:
        yield error_details_pb2.BadRequest(field_violations=_violations(error.faults, language))
    if error.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(int(error.retry_after * 1000))
        yield retry
    if trace:
        yield error_details_pb2.DebugInfo(stack_entries=trace)


def _violations(
    faults: Sequence[errors.Fault], language: str
) -> Iterator[error_details_pb2.BadRequest.FieldViolation]:
    """The first faults: as many as fit. A small request may well have thousands."""
    size = 0
    for fault in faults[:_MOST_VIOLATIONS]:
        violation = _violation(fault, language)
        size += violation.ByteSize()
        if size > _MOST_BYTES_OF_VIOLATIONS:
            return
        yield violation


def _violation(fault: errors.Fault, language: str) -> error_details_pb2.BadRequest.FieldViolation:
    params = {name: value[:_LONGEST_VALUE] for name, value in fault.params.items()}
    english = violations.violation(fault.rule, params, "en") or fault.text
    localised = violations.violation(fault.rule, params, language) or fault.text
    return error_details_pb2.BadRequest.FieldViolation(
        field=fault.field[:_LONGEST_VALUE],
        description=english,
        reason=fault.rule,
        localized_message=error_details_pb2.LocalizedMessage(locale=language, message=localised),
    )


def _trace(error: Exception) -> list[str]:
    calls = traceback.format_exception(error)[-_MOST_CALLS_SHOWN:]
    return [call[-_LONGEST_CALL_SHOWN:] for call in calls]


def _packed(detail: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
