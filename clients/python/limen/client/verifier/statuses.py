"""Refusals as gRPC statuses, in the form that limen gives its own (AIP-193)."""

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from limen.client.context import outgoing_request_id
from limen.client.errors import DOMAIN
from limen.client.verifier.errors import StaleError, VerificationError


def status_of(refusal: VerificationError) -> grpc.Status:
    """The status for a refusal: ErrorInfo and LocalizedMessage always, RetryInfo and RequestInfo
    where they apply.
    """
    status = status_pb2.Status(code=refusal.code.value[0], message=refusal.message)
    for detail in _details(refusal):
        status.details.add().Pack(detail)
    return rpc_status.to_status(status)


def _details(refusal: VerificationError) -> list[Message]:
    details: list[Message] = [
        error_details_pb2.ErrorInfo(
            reason=refusal.reason, domain=DOMAIN, metadata=refusal.metadata
        ),
        error_details_pb2.LocalizedMessage(locale="en", message=refusal.message),
    ]
    request_id = outgoing_request_id()
    if request_id is not None:
        details.append(error_details_pb2.RequestInfo(request_id=request_id))
    if isinstance(refusal, StaleError):
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(int(refusal.retry_after * 1000))
        details.append(retry)
    return details
