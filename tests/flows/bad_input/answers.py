"""Answers of both transports in one form, held to the shape that the contract promises."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from edge.contract import read_contract
from edge.openapi.contract import Contract
from edge.openapi.reasons import read_reasons
from tests.flows.bad_input.http1 import Reply
from tests.flows.bad_input.rpcs import Rpc

REASONS = read_reasons(Contract(read_contract()))
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{8,128}")
_MEMBERS = {"type", "title", "status", "detail", "instance", "code", "reason", "errors"}
_OPTIONAL = {"metadata"}
_SERVER_FAULTS = {"INTERNAL", "UNKNOWN", "DATA_LOSS", "UNAVAILABLE", "CANCELLED"}


@dataclass(frozen=True)
class Outcome:
    """What became of a call."""

    reason: str = ""
    """Empty for a call that succeeded."""
    status: int = 200
    code: str = "OK"
    faults: frozenset[tuple[str, str, str]] = frozenset()
    """Field, rule and message of each fault. Fields are named as they are over REST."""
    detail: str = field(default="", compare=False)

    @property
    def fields(self) -> set[str]:
        return {name for name, _, _ in self.faults}


def of_grpc(error: grpc.aio.AioRpcError, rpc: Rpc) -> Outcome:
    """The outcome of a refused gRPC call, whose details are all there."""
    code = error.code().name
    assert code not in _SERVER_FAULTS, f"{rpc}: {error}"
    trailing = dict(error.trailing_metadata() or ())
    assert "grpc-status-details-bin" in trailing, f"{rpc}: {error}"
    status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
    info = _detail(status, error_details_pb2.ErrorInfo)
    request = _detail(status, error_details_pb2.BadRequest)
    assert info.domain == "limen"
    assert (info.reason, code) == (info.reason, REASONS[info.reason].code)
    assert _REQUEST_ID.fullmatch(str(trailing["x-request-id"]))
    return Outcome(
        reason=info.reason,
        status=REASONS[info.reason].status,
        code=code,
        faults=frozenset(
            (rpc.name_over_rest(each.field), each.reason, each.localized_message.message)
            for each in request.field_violations
        ),
        detail=_detail(status, error_details_pb2.LocalizedMessage).message,
    )


def of_rest(reply: Reply) -> Outcome:
    """The outcome of a request, whose problem document has every member."""
    assert reply.status < 500, reply
    assert _REQUEST_ID.fullmatch(reply["x-request-id"]), reply
    assert reply["x-content-type-options"] == "nosniff", reply
    if reply.status < 400:
        return Outcome(status=reply.status)
    document = json.loads(reply.body)
    assert reply["content-type"] == "application/problem+json", reply
    assert set(document) - _OPTIONAL == _MEMBERS, document
    assert document["status"] == reply.status, document
    assert document["instance"] == reply["x-request-id"], document
    assert document["type"].endswith(f"/docs/errors#{document['reason']}"), document
    assert document["title"], document
    assert document["detail"], document
    assert REASONS[document["reason"]].code == document["code"], document
    return Outcome(
        reason=document["reason"],
        status=reply.status,
        code=document["code"],
        faults=frozenset(map(_fault, document["errors"])),
        detail=document["detail"],
    )


def _fault(each: dict[str, str]) -> tuple[str, str, str]:
    assert set(each) == {"field", "reason", "message"}, each
    assert each["reason"], each
    assert each["message"], each
    return each["field"], each["reason"], each["message"]


def _detail(status: status_pb2.Status, kind: Any) -> Any:
    found = kind()
    for packed in status.details:
        packed.Unpack(found)
        if packed.Is(kind.DESCRIPTOR):
            return found
    return kind()
