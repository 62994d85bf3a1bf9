"""The reasons for refusal, as the comments of the contract tell them."""

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from edge.openapi.contract import Contract, ContractError
from edge.openapi.reasons import named_reasons, quoted_reasons, read_reasons
from tests.edge.openapi.conftest import Compile

PROTO = """
message M {}
service Probe {
  // Tries.
  //
  // Errors: NOT_FOUND, also for a URL of somebody else; and, after a while,
  // RATE_LIMITED or NOT_FOUND.
  rpc Try(M) returns (M);
  // Never fails. A NOT_FOUND in prose means nothing.
  rpc Easy(M) returns (M);
  // Errors: NO_SUCH_REASON.
  rpc Wrong(M) returns (M);
}
"""


@pytest.fixture(scope="module")
def contract(compile_proto: Compile) -> Contract:
    return Contract(compile_proto(PROTO))


def rpc(contract: Contract, name: str):
    return contract.service("probe.v1.Probe").methods_by_name[name]


def test_a_reason_is_read_from_its_comment(contract: Contract) -> None:
    reason = read_reasons(contract)["PROOF_TOO_OLD"]
    assert (reason.code, reason.status) == ("UNAUTHENTICATED", 401)
    assert reason.description == "The proof of identity is older than this call accepts."
    assert reason.example == "GrantRole by an administrator who signed in a day ago."
    assert reason.metadata == "`maxAgeSeconds`, the greatest age accepted."


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [
        ("REQUEST_TOO_LARGE", "RESOURCE_EXHAUSTED", 413),
        ("ROUTE_NOT_FOUND", "NOT_FOUND", 404),
        ("METHOD_NOT_ALLOWED", "UNIMPLEMENTED", 405),
        ("UNSUPPORTED_MEDIA_TYPE", "INVALID_ARGUMENT", 415),
        ("NOT_ACCEPTABLE", "INVALID_ARGUMENT", 406),
        ("REQUEST_TIMEOUT", "DEADLINE_EXCEEDED", 408),
        ("UNIMPLEMENTED", "UNIMPLEMENTED", 501),
    ],
)
def test_a_status_in_the_comment_goes_before_that_of_the_code(
    contract: Contract, name: str, code: str, status: int
) -> None:
    reason = read_reasons(contract)[name]
    assert (reason.code, reason.status) == (code, status)


def test_unspecified_is_no_reason(contract: Contract) -> None:
    assert "UNSPECIFIED" not in read_reasons(contract)


def test_the_reasons_of_an_rpc_are_those_in_its_list(contract: Contract) -> None:
    known = read_reasons(contract)
    assert named_reasons(contract, rpc(contract, "Try"), known) == ["NOT_FOUND", "RATE_LIMITED"]
    assert named_reasons(contract, rpc(contract, "Easy"), known) == []


def test_a_reason_that_is_none_is_a_mistake(contract: Contract) -> None:
    with pytest.raises(ContractError, match="NO_SUCH_REASON"):
        named_reasons(contract, rpc(contract, "Wrong"), read_reasons(contract))


def test_reasons_are_marked_as_code(contract: Contract) -> None:
    text = quoted_reasons("Errors: NOT_FOUND for a URL.", read_reasons(contract))
    assert text == "Errors: `NOT_FOUND` for a URL."


def test_a_contract_without_reasons_has_none(compile_proto: Compile) -> None:
    files = FileDescriptorSet.FromString(compile_proto(PROTO)).file
    kept = [file for file in files if file.package == "google.protobuf"]
    assert read_reasons(Contract(FileDescriptorSet(file=kept).SerializeToString())) == {}


def test_a_reason_without_a_code_is_a_mistake(limen_contract: bytes) -> None:
    files = FileDescriptorSet.FromString(limen_contract)
    for file in files.file:
        if Path(file.name).name == "errors.proto":
            file.ClearField("source_code_info")
    with pytest.raises(ContractError, match="names no gRPC code"):
        read_reasons(Contract(files.SerializeToString()))
