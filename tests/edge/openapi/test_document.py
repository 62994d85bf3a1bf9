"""Bindings as paths and operations: every form that `google.api.http` knows."""

from typing import Any

import pytest
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from edge.openapi.contract import ContractError
from edge.openapi.document import build
from tests.edge.openapi.conftest import Compile, Describe

MESSAGES = """
// Book is a book.
message Book {
  // The name of the book.
  string name = 1;
  // The title.
  string book_title = 2 [(google.api.field_behavior) = REQUIRED];
  // Who wrote it.
  Author author = 3;
  // When it was last changed.
  google.protobuf.Timestamp update_time = 4 [(google.api.field_behavior) = OUTPUT_ONLY];
  // How it is sorted.
  map<string, string> labels = 5;
  // What follows it.
  Book next = 6;
}
// Author is a person.
message Author {
  // Their name.
  string full_name = 1 [(google.api.field_behavior) = REQUIRED];
}
message Empty {}
message GetRequest { string name = 1; }
message PutRequest {
  // The book as it is to be.
  Book book = 1;
  // Which fields count.
  google.protobuf.FieldMask update_mask = 2;
  // Try only.
  bool validate_only = 3;
  repeated string tags = 4;
  repeated Author authors = 5;
}
message RawRequest {
  string name = 1;
  google.api.HttpBody file = 2;
}
"""


def service(*rpcs: str) -> str:
    return MESSAGES + "// Probe is probed.\nservice Probe {" + "\n".join(rpcs) + "}"


def rpc(http: str, types: str = "(GetRequest) returns (Book)", name: str = "Try") -> str:
    return f"// Does it.\nrpc {name}{types} {{ option (google.api.http) = {{{http}}}; }}"


def only(document: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    (path, item), *others = document["paths"].items()
    assert not others
    ((method, operation),) = item.items()
    return path, method, operation


def by_name(operation: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each for each in operation.get("parameters", ()) if "name" in each}


@pytest.mark.parametrize(
    ("template", "path", "names"),
    [
        ("/v1/{name}", "/v1/{name}", ["name"]),
        ("/v1/{name}:verb", "/v1/{name}:verb", ["name"]),
        ("/v1/{name=*}/x", "/v1/{name}/x", ["name"]),
        ("/v1/{name=**}", "/v1/{name}", ["name"]),
        ("/v1/{name=books/*}", "/v1/books/{name}", ["name"]),
        ("/v1/{name=a/*/b/*}:go", "/v1/a/{name1}/b/{name2}:go", ["name1", "name2"]),
        ("/v1/*/x/**", "/v1/{segment1}/x/{segment2}", ["segment1", "segment2"]),
        ("/v1/fixed", "/v1/fixed", []),
    ],
)
def test_path_templates(describe: Describe, template: str, path: str, names: list[str]) -> None:
    found, method, operation = only(describe(service(rpc(f'get: "{template}"'))))
    assert (found, method) == (path, "get")
    in_path = [each for each in operation.get("parameters", ()) if each["in"] == "path"]
    assert [each["name"] for each in in_path] == names
    assert all(each["required"] for each in in_path)


def test_a_variable_of_many_segments_is_marked(describe: Describe) -> None:
    _, _, operation = only(describe(service(rpc('get: "/v1/{name=**}"'))))
    parameter = by_name(operation)["name"]
    assert parameter["x-limen-multi-segment"] is True
    assert "`/`" in parameter["description"]


def test_a_nested_variable_is_named_as_in_json(describe: Describe) -> None:
    http = 'get: "/v1/{book.author.full_name}"'
    path, _, operation = only(describe(service(rpc(http, "(PutRequest) returns (Book)"))))
    assert path == "/v1/{book.author.fullName}"
    query = [name for name, each in by_name(operation).items() if each["in"] == "query"]
    assert "book.author.fullName" not in query


def test_paths_that_differ_in_names_alone_share_the_shortest(describe: Describe) -> None:
    document = describe(
        service(
            rpc('patch: "/v1/{book.name}" body: "book"', "(PutRequest) returns (Book)", "Change"),
            rpc('get: "/v1/{name}"', name="Get"),
        )
    )
    assert list(document["paths"]) == ["/v1/{name}"]
    for operation in document["paths"]["/v1/{name}"].values():
        assert by_name(operation)["name"]["in"] == "path"


def test_query_parameters_are_flattened(describe: Describe) -> None:
    http = 'get: "/v1/x"'
    _, _, operation = only(describe(service(rpc(http, "(PutRequest) returns (Book)"))))
    parameters = by_name(operation)
    assert set(parameters) == {
        "book.name",
        "book.bookTitle",
        "book.author.fullName",
        "updateMask",
        "validateOnly",
        "tags",
    }
    assert {each["in"] for each in parameters.values()} == {"query"}
    assert parameters["tags"]["schema"]["type"] == "array"
    # The title is needed in a book, but the book itself is not.
    assert not parameters["book.bookTitle"]["required"]


def test_no_query_beside_a_whole_body(describe: Describe) -> None:
    http = 'put: "/v1/{book.name}" body: "*"'
    document = describe(service(rpc(http, "(PutRequest) returns (Book)")))
    _, _, operation = only(document)
    assert set(by_name(operation)) == {"book.name"}
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/PutRequest"}


def test_fields_of_the_path_are_not_in_the_body(describe: Describe) -> None:
    document = describe(service(rpc('post: "/v1/{name}" body: "*"', "(RawRequest) returns (Book)")))
    _, _, operation = only(document)
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    body = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    assert set(body["properties"]) == {"file"}
    assert body["additionalProperties"] is False
    assert operation["requestBody"]["required"] is False


def test_a_patch_demands_nothing_of_the_resource(describe: Describe) -> None:
    http = 'patch: "/v1/{book.name}" body: "book"'
    document = describe(service(rpc(http, "(PutRequest) returns (Book)")))
    _, _, operation = only(document)
    schemas = document["components"]["schemas"]
    assert "required" not in schemas["BookPatch"]
    assert schemas["BookPatch"]["properties"]["name"]["description"].endswith(
        "May be left out, as the path gives it."
    )
    # A person who is given at all is given whole.
    assert schemas["AuthorInput"]["required"] == ["fullName"]
    assert operation["requestBody"]["description"] == "The book as it is to be."
    assert operation["requestBody"]["required"] is False
    assert {"updateMask", "validateOnly"} <= by_name(operation).keys()


def test_a_put_demands_the_resource(describe: Describe) -> None:
    http = 'put: "/v1/x" body: "book"'
    document = describe(service(rpc(http, "(PutRequest) returns (Book)")))
    _, _, operation = only(document)
    assert document["components"]["schemas"]["BookInput"]["required"] == ["bookTitle"]
    assert operation["requestBody"]["required"] is True


def test_the_answer_can_be_one_field(describe: Describe) -> None:
    http = 'get: "/v1/x" response_body: "tags"'
    _, _, operation = only(describe(service(rpc(http, "(GetRequest) returns (PutRequest)"))))
    content = operation["responses"]["200"]["content"]["application/json"]
    assert content["schema"]["type"] == "array"
    assert isinstance(content["example"], list)


def test_raw_bodies_are_of_any_type(describe: Describe) -> None:
    http = 'post: "/v1/{name}" body: "file"'
    _, _, operation = only(
        describe(service(rpc(http, "(RawRequest) returns (google.api.HttpBody)")))
    )
    assert operation["requestBody"]["content"] == {"*/*": {"schema": {}}}
    assert operation["responses"]["200"]["content"] == {"*/*": {"schema": {}}}
    assert operation["x-codeSamples"][0]["source"].endswith("--data-binary @file")


def test_streams_come_as_lines_or_events(describe: Describe) -> None:
    http = 'get: "/v1/x"'
    _, _, operation = only(describe(service(rpc(http, "(GetRequest) returns (stream Book)"))))
    content = operation["responses"]["200"]["content"]
    assert list(content) == ["application/x-ndjson", "text/event-stream"]
    assert content["text/event-stream"]["schema"] == {"$ref": "#/components/schemas/Book"}
    assert "406" in operation["responses"]


def test_additional_bindings_are_operations_of_their_own(describe: Describe) -> None:
    http = (
        'get: "/v1/{name}" additional_bindings {delete: "/v2/{name}"}'
        ' additional_bindings {custom: {kind: "HEAD" path: "/v3/{name}"}}'
    )
    document = describe(service(rpc(http)))
    found = {
        (path, method): operation["operationId"]
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    assert found == {
        ("/v1/{name}", "get"): "Probe_Try",
        ("/v2/{name}", "delete"): "Probe_Try_2",
        ("/v3/{name}", "head"): "Probe_Try_3",
    }


def test_rpcs_without_a_binding_are_named_with_their_service(describe: Describe) -> None:
    document = describe(service(rpc('get: "/v1/x"'), "rpc Only(GetRequest) returns (Book);"))
    assert document["tags"][0] == {
        "name": "Probe",
        "description": "Probed.\n\nOver gRPC alone: `Only`.",
        "x-limen-service": "probe.v1.Probe",
    }
    assert len(document["paths"]) == 1


def test_an_rpc_without_a_policy_is_taken_to_need_a_credential(describe: Describe) -> None:
    _, _, operation = only(describe(service(rpc('post: "/v1/x" body: "*"'))))
    assert operation["security"] == [{"bearer": []}, {"session": []}]
    assert "401" in operation["responses"]
    assert {"$ref": "#/components/parameters/CsrfToken"} in operation["parameters"]
    assert "x-limen-policy" not in operation


def test_deprecated_things_say_so(describe: Describe) -> None:
    document = describe(
        "message M { string old = 1 [deprecated = true]; }\n"
        "service Probe { rpc Try(M) returns (M) {"
        ' option deprecated = true; option (google.api.http) = {get: "/x"}; } }'
    )
    _, _, operation = only(document)
    assert operation["deprecated"] is True
    assert by_name(operation)["old"]["deprecated"] is True
    assert document["components"]["schemas"]["M"]["properties"]["old"]["deprecated"] is True


def test_without_comments_names_stand_in(describe: Describe) -> None:
    document = describe(
        "message M { string some_field = 1; }\n"
        'service Probe { rpc Try(M) returns (M) { option (google.api.http) = {get: "/x"}; } }'
    )
    _, _, operation = only(document)
    assert operation["summary"] == "Try"
    assert by_name(operation)["someField"]["description"] == "Some field."
    assert document["tags"][0]["description"] == "Probe."


@pytest.mark.parametrize(
    ("http", "message"),
    [
        ('get: "/v1/{nothing}"', "GetRequest has no field nothing"),
        ('get: "/v1/{name.inner}"', "GetRequest has no field name.inner"),
        ('post: "/v1/x" body: "nothing"', "GetRequest has no field nothing"),
        ('get: "/v1/x" response_body: "nothing"', "Book has no field nothing"),
        ('custom: {kind: "*" path: "/v1/x"}', "OpenAPI has no HTTP method"),
        ('custom: {kind: "CONNECT" path: "/v1/x"}', "OpenAPI has no HTTP method"),
        ("", "OpenAPI has no HTTP method"),
        ('get: "/v1/x" additional_bindings {get: "/v1/x"}', "stands for two bindings"),
    ],
)
def test_bindings_that_make_no_sense_are_named(describe: Describe, http: str, message: str) -> None:
    with pytest.raises(ContractError, match=message.replace("*", r"\*")):
        describe(service(rpc(http)))


def test_a_service_that_is_not_there_is_named(describe: Describe) -> None:
    with pytest.raises(ContractError, match=r"no service probe\.v1\.Nothing"):
        describe(service(rpc('get: "/v1/x"')), "Nothing")


@pytest.mark.parametrize("slice_of_it", [slice(4000, None), slice(None, -7)])
def test_bytes_that_are_no_contract_are_refused(compile_proto: Compile, slice_of_it: slice) -> None:
    contract = compile_proto(service(rpc('get: "/v1/x"')))[slice_of_it]
    with pytest.raises(ContractError):
        build(contract, ["probe.v1.Probe"], title="", version="", description="", public_url="")


def test_services_of_one_name_are_told_apart(compile_proto: Compile) -> None:
    files = FileDescriptorSet.FromString(compile_proto(service(rpc('get: "/v1/x"'))))
    second = files.file.add(name="two.proto", package="probe.v2", dependency=["probe.proto"])
    second.service.add().CopyFrom(files.file[-2].service[0])
    second.service[0].method[0].options.Extensions[annotations_pb2.http].get = "/v2/x"
    names = ["probe.v1.Probe", "probe.v2.Probe"]
    document = build(
        files.SerializeToString(), names, title="", version="", description="", public_url=""
    )
    assert [tag["name"] for tag in document["tags"]] == names
    ids = {path: item["get"]["operationId"] for path, item in document["paths"].items()}
    assert ids == {"/v1/x": "probe_v1_Probe_Try", "/v2/x": "probe_v2_Probe_Try"}
