"""Contracts that cannot be served stop the start; those that can are listed."""

from typing import Any, cast

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from protovalidate import CompilationError

from edge.transcoding.contract import ContractError
from edge.transcoding.route import Route
from edge.transcoding.transcoder import Transcoder

HEADER = """
syntax = "proto3";
package test.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
message Inner { string name = 1; repeated Inner more = 2; }
message Request {
  string name = 1;
  Inner inner = 2;
  repeated string names = 3;
  map<string, string> labels = 4;
  google.protobuf.Struct free = 5;
  google.protobuf.Timestamp time = 6;
  google.api.HttpBody file = 7;
  Inner long_name = 8;
}
"""


class NoChannel:
    """Enough of a channel to bind RPCs."""

    def unary_unary(self, path: str) -> str:
        return path

    unary_stream = unary_unary


def start(contract: bytes, *services: str) -> Transcoder:
    return Transcoder(
        contract=contract,
        services=services or ["test.v1.Test"],
        channel=cast("Any", NoChannel()),
        frontier=cast("Any", None),
    )


@pytest.fixture
def start_with(compile_proto):
    """Starts a transcoder whose service has RPCs with the given rules."""

    def start_with(*rules: str, request: str = "Request", response: str = "Request") -> Transcoder:
        rpcs = (
            f"rpc Do{n}({request}) returns ({response}) {{option (google.api.http) = {{{rule}}};}}"
            for n, rule in enumerate(rules)
        )
        return start(compile_proto(f"{HEADER}service Test {{{''.join(rpcs)}}}"))

    return start_with


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("body: '*'", "without a path"),
        ("get: 'x'", "does not begin with"),
        ("get: '/x/{name'", "not a path segment"),
        ("get: '/x/{nothing}'", "'nothing', which is no single field"),
        ("get: '/x/{inner}'", "'inner', which is no single field"),
        ("get: '/x/{names}'", "'names', which is no single field"),
        ("get: '/x/{labels}'", "'labels', which is no single field"),
        ("get: '/x/{free}'", "'free', which is no single field"),
        ("get: '/x/{inner.more.name}'", "which is no single field"),
        ("get: '/x/{name.x}'", "which is no single field"),
        ("get: '/x/{time.seconds}'", "which is no single field"),
        ("get: '/x', body: '*'", "reads a body on GET"),
        ("get: '/x', body: 'inner'", "reads a body on GET"),
        ("custom {kind: 'HEAD', path: '/x'}, body: '*'", "reads a body on HEAD"),
        ("post: '/x', body: 'nothing'", "no field 'nothing' for its body"),
        ("post: '/x', body: 'inner.name'", "no field 'inner.name' for its body"),
        ("post: '/x', body: 'longName'", "no field 'longName' for its body"),
        ("get: '/x', response_body: 'longName'", "no field 'longName' for its answer"),
        ("get: '/x', response_body: 'nothing'", "no field 'nothing' for its answer"),
        (
            "get: '/x', additional_bindings {get: '/y', additional_bindings {get: '/z'}}",
            "nests additional bindings",
        ),
        ("get: '/x', additional_bindings {get: '/x'}", "bound twice"),
    ],
)
def test_a_rule_that_makes_no_sense_stops_the_start(start_with, rule, complaint) -> None:
    with pytest.raises(ContractError, match="Do0.*" + complaint):
        start_with(rule)


def test_two_rpcs_on_one_path_stop_the_start(start_with) -> None:
    with pytest.raises(ContractError, match=r"test\.v1\.Test\.Do1: GET /x/\{name=\*\} is bound"):
        start_with("get: '/x/{inner.name}'", "get: '/x/{name=*}'")


@pytest.mark.parametrize(
    ("request_type", "response_type"),
    [("stream Request", "Request"), ("stream Request", "stream Request")],
)
def test_a_stream_of_requests_has_no_rule(start_with, request_type, response_type) -> None:
    with pytest.raises(ContractError, match="streams requests"):
        start_with("post: '/x', body: '*'", request=request_type, response=response_type)


def test_an_unknown_service_stops_the_start(library) -> None:
    with pytest.raises(ContractError, match=r"no service library\.v1\.Cinema"):
        start(library, "library.v1.Cinema")


@pytest.mark.parametrize("contract", [b"\xff", b"not a descriptor"])
def test_what_is_no_contract_stops_the_start(contract) -> None:
    with pytest.raises(ContractError, match="cannot be read"):
        start(contract)


def test_a_contract_without_its_imports_stops_the_start(library) -> None:
    files = FileDescriptorSet.FromString(library)
    del files.file[:-1]
    with pytest.raises(ContractError, match="cannot be read"):
        start(files.SerializeToString())


def test_a_contract_without_http_rules_has_no_routes(compile_proto) -> None:
    plain = "syntax = 'proto3'; package p; message M {} service S {rpc Do(M) returns (M);}"
    assert start(compile_proto(plain), "p.S").routes == ()


def test_a_broken_validation_rule_stops_the_warming(compile_proto) -> None:
    contract = compile_proto("""
        syntax = "proto3";
        package test.v1;
        import "buf/validate/validate.proto";
        import "google/api/annotations.proto";
        message Request {
          string name = 1 [(buf.validate.field).cel = {id: "x", expression: "this >"}];
        }
        service Test {
          rpc Do(Request) returns (Request) {option (google.api.http) = {get: '/x'};}
        }
    """)
    with pytest.raises(CompilationError):
        start(contract).warm()


def test_every_type_can_be_warmed(library, everything) -> None:
    start(library, "library.v1.Library").warm()
    start(everything, "everything.v1.Mirror").warm()


def test_routes_tell_what_is_served(library) -> None:
    routes = start(library, "library.v1.Library").routes
    assert routes[2] == Route(
        method="GET",
        template="/v1/{name=shelves/*/books/*}",
        rpc="library.v1.Library.GetBook",
        request="library.v1.GetBookRequest",
        response="library.v1.GetBookResponse",
        variables=("name",),
        body="",
        response_body="",
        server_streaming=False,
    )
    by_rpc = {route.rpc.rpartition(".")[2]: route for route in routes}
    assert by_rpc["UpdateBook"].method == "PATCH"
    assert by_rpc["UpdateBook"].variables == ("book.book_id",)
    assert by_rpc["UpdateBook"].body == "book"
    assert by_rpc["UpdateBook"].service == "library.v1.Library"
    assert by_rpc["WatchBooks"].server_streaming
    assert by_rpc["Purge"].method == "PURGE"
    assert by_rpc["Anything"].method == "*"
    assert "Upload" not in by_rpc
