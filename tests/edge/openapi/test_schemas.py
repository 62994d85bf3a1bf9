"""Messages and enums as schemas: ProtoJSON's types, directions, names."""

from typing import Any

import pytest

from tests.edge.openapi.conftest import Describe
from tests.edge.openapi.json_schema import JsonSchema

ECHO = """
service Probe {
  rpc Try(TryRequest) returns (TryResponse) {
    option (google.api.http) = {post: "/try" body: "*"};
  }
}
"""
TYPES = """
// Kind is a kind.
enum Kind {
  // None.
  KIND_UNSPECIFIED = 0;
  // Good.
  KIND_GOOD = 1;
}
message TryRequest {}
message TryResponse {
  string text = 1;
  bytes blob = 2;
  bool flag = 3;
  int32 small = 4;
  uint32 natural = 5;
  int64 big = 6;
  uint64 vast = 7;
  double real = 8;
  Kind kind = 9;
  google.protobuf.Timestamp at = 10;
  google.protobuf.Duration wait = 11;
  google.protobuf.FieldMask mask = 12;
  google.protobuf.Struct free = 13;
  google.protobuf.Value anything = 14;
  google.protobuf.ListValue several = 15;
  google.protobuf.NullValue nothing = 16;
  google.protobuf.Any packed = 17;
  google.protobuf.Empty hollow = 18;
  google.protobuf.Int64Value maybe_big = 19;
  google.protobuf.BoolValue maybe_flag = 20;
  google.protobuf.FloatValue maybe_real = 21;
  repeated Kind kinds = 22;
  map<int32, Kind> kinds_by_number = 23;
  map<bool, string> by_flag = 24;
  optional string given = 25;
  string renamed = 26 [json_name = "other_name"];
}
"""


@pytest.fixture(scope="module")
def types(describe: Describe) -> dict[str, Any]:
    return describe(TYPES + ECHO)


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("text", {"type": "string"}),
        ("blob", {"type": "string", "format": "byte", "contentEncoding": "base64"}),
        ("flag", {"type": "boolean"}),
        ("small", {"type": "integer", "format": "int32"}),
        (
            "natural",
            {"type": "integer", "format": "uint32", "minimum": 0, "maximum": 4294967295},
        ),
        ("big", {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"}),
        ("vast", {"type": "string", "format": "uint64", "pattern": "^[0-9]+$"}),
        ("kind", {"$ref": "#/components/schemas/Kind"}),
        ("at", {"type": "string", "format": "date-time"}),
        ("wait", {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"}),
        ("mask", {"type": "string"}),
        ("free", {"type": "object", "additionalProperties": True}),
        ("anything", {}),
        ("several", {"type": "array", "items": {}}),
        ("nothing", {"type": "null"}),
        ("hollow", {"type": "object", "properties": {}}),
        ("maybeFlag", {"type": ["boolean", "null"]}),
        ("kinds", {"type": "array", "items": {"$ref": "#/components/schemas/Kind"}}),
        (
            "kindsByNumber",
            {
                "type": "object",
                "additionalProperties": {"$ref": "#/components/schemas/Kind"},
                "propertyNames": {"pattern": "^-?[0-9]+$"},
            },
        ),
        (
            "byFlag",
            {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "propertyNames": {"enum": ["true", "false"]},
            },
        ),
    ],
)
def test_types_are_those_of_protojson(
    types: dict[str, Any], name: str, schema: dict[str, Any]
) -> None:
    found = types["components"]["schemas"]["TryResponse"]["properties"][name]
    assert {key: value for key, value in found.items() if key != "description"} == schema


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("real", [1.5, "NaN", "-Infinity"], ["1.5", "nan", None]),
        ("maybeBig", ["-5", None], [5, "five"]),
        ("maybeReal", [1.5, "Infinity", None], [True]),
        ("packed", [{"@type": "x", "y": 1}], [{}, "x"]),
    ],
)
def test_types_of_several_forms(
    types: dict[str, Any], name: str, good: list[Any], bad: list[Any]
) -> None:
    judge = JsonSchema(types)
    schema = types["components"]["schemas"]["TryResponse"]["properties"][name]
    assert all(judge.accepts(schema, value) for value in good)
    assert not any(judge.accepts(schema, value) for value in bad)


def test_an_answer_promises_what_json_never_leaves_out(types: dict[str, Any]) -> None:
    answer = types["components"]["schemas"]["TryResponse"]
    absent = set(answer["properties"]) - set(answer["required"])
    assert absent == {
        "at",
        "wait",
        "mask",
        "free",
        "anything",
        "several",
        "packed",
        "hollow",
        "maybeBig",
        "maybeFlag",
        "maybeReal",
        "given",
    }
    assert "other_name" in answer["properties"]


def test_enums_are_names_with_their_meanings(types: dict[str, Any]) -> None:
    assert types["components"]["schemas"]["Kind"] == {
        "type": "string",
        "description": "A kind.",
        "enum": ["KIND_UNSPECIFIED", "KIND_GOOD"],
        "x-enum-descriptions": {"KIND_UNSPECIFIED": "None.", "KIND_GOOD": "Good."},
    }


def test_the_example_of_an_answer_fits_it(types: dict[str, Any]) -> None:
    content = types["paths"]["/try"]["post"]["responses"]["200"]["content"]["application/json"]
    assert not list(JsonSchema(types).faults(content["schema"], content["example"]))


def test_messages_that_hold_themselves_end(describe: Describe) -> None:
    document = describe(
        "message TryRequest { Node root = 1; }\n"
        "message Node { repeated Node children = 1; Node twin = 2; map<string, Node> named = 3; }\n"
        "message TryResponse { Node root = 1; }\n" + ECHO
    )
    schemas = document["components"]["schemas"]
    assert schemas["Node"]["properties"]["twin"]["$ref"] == "#/components/schemas/Node"
    assert schemas["NodeInput"]["properties"]["twin"]["$ref"] == "#/components/schemas/NodeInput"
    for name in ("TryRequest", "TryResponse"):
        schema = {"$ref": f"#/components/schemas/{name}"}
        assert JsonSchema(document).accepts(schema, {"root": {"children": [], "named": {}}})


def test_names_never_collide(describe: Describe) -> None:
    document = describe(
        "message TryRequest { Outer.Thing nested = 1; Problem problem = 2; ThingInput odd = 3; }\n"
        "message Outer { message Thing { string a = 1; } }\n"
        "message Thing { string b = 1; }\n"
        "message ThingInput { string c = 1; }\n"
        "message Problem { string d = 1; }\n"
        "message TryResponse { Problem problem = 1; Thing thing = 2; ErrorReason reason = 3; }\n"
        "enum ErrorReason { ERROR_REASON_NONE = 0; }\n" + ECHO
    )
    schemas = document["components"]["schemas"]
    assert "status" in schemas["Problem"]["properties"]
    assert set(schemas["probe.v1.Problem"]["properties"]) == {"d"}
    assert set(schemas["Outer.ThingInput"]["properties"]) == {"a"}
    assert set(schemas["Thing"]["properties"]) == {"b"}
    assert schemas["probe.v1.ErrorReason"]["enum"] == ["ERROR_REASON_NONE"]


def test_oneofs_exclude_each_other(describe: Describe) -> None:
    document = describe(
        "message TryRequest {\n"
        "  oneof proof { string totp_code = 1; string recovery_code = 2; string word = 3; }\n"
        "  oneof subject { option (buf.validate.oneof).required = true;"
        "    string user = 4; string group = 5; }\n"
        "  optional string alone = 6;\n"
        "  option (buf.validate.message).oneof = {fields: ['left', 'right']};\n"
        "  string left = 7; string right = 8;\n"
        "}\n"
        "message TryResponse { oneof result { string done = 1; string challenge = 2; } }\n" + ECHO
    )
    judge = JsonSchema(document)
    request = document["components"]["schemas"]["TryRequest"]
    answer = document["components"]["schemas"]["TryResponse"]
    assert judge.accepts(request, {"user": "a"})
    assert judge.accepts(request, {"group": "a", "totpCode": "1", "left": "x", "alone": "y"})
    assert not judge.accepts(request, {})
    assert not judge.accepts(request, {"user": "a", "group": "b"})
    assert not judge.accepts(request, {"user": "a", "totpCode": "1", "word": "w"})
    assert not judge.accepts(request, {"user": "a", "left": "1", "right": "w"})
    assert judge.accepts(answer, {"done": "x"})
    assert not judge.accepts(answer, {"done": "x", "challenge": "y"})
    for content in (
        document["paths"]["/try"]["post"]["requestBody"]["content"]["application/json"],
        document["paths"]["/try"]["post"]["responses"]["200"]["content"]["application/json"],
    ):
        assert not list(judge.faults(content["schema"], content["example"]))


def test_who_may_write_a_field(describe: Describe) -> None:
    document = describe(
        "message TryRequest { Thing thing = 1; }\n"
        "message TryResponse { Thing thing = 1; }\n"
        "message Thing {\n"
        "  string set_by_us = 1 [(google.api.field_behavior) = OUTPUT_ONLY,"
        "    (google.api.field_behavior) = REQUIRED, (buf.validate.field).string.min_len = 1];\n"
        "  string never_shown = 2 [(google.api.field_behavior) = INPUT_ONLY];\n"
        "  repeated string codes = 3 [debug_redact = true];\n"
        "  string mail = 4 [debug_redact = true, (buf.validate.field).string.email = true];\n"
        "  string name = 5 [(limen.options.v1.traits).personal = true];\n"
        "}\n" + ECHO
    )
    sent = document["components"]["schemas"]["ThingInput"]
    answered = document["components"]["schemas"]["Thing"]
    assert sent["required"] == ["mail"]
    assert sent["properties"]["setByUs"]["readOnly"] is True
    assert sent["properties"]["neverShown"]["writeOnly"] is True
    assert sent["properties"]["codes"]["writeOnly"] is True
    assert sent["properties"]["codes"]["items"]["format"] == "password"
    assert sent["properties"]["mail"]["format"] == "email"
    assert sent["properties"]["name"]["x-limen-personal"] is True
    assert "neverShown" not in answered["required"]
    assert "writeOnly" not in answered["properties"]["codes"]
    assert answered["properties"]["codes"]["x-limen-secret"] is True


def test_rules_bind_requests_alone(describe: Describe) -> None:
    document = describe(
        "message TryRequest { string a = 1 [(buf.validate.field).string.max_len = 3]; }\n"
        "message TryResponse { string a = 1 [(buf.validate.field).string.max_len = 3]; }\n" + ECHO
    )
    schemas = document["components"]["schemas"]
    assert schemas["TryRequest"]["properties"]["a"]["maxLength"] == 3
    assert "maxLength" not in schemas["TryResponse"]["properties"]["a"]


def test_rules_on_keys_of_maps_and_on_whole_messages_are_told(describe: Describe) -> None:
    document = describe(
        "message TryRequest {\n"
        "  map<int64, string> by_id = 1 [(buf.validate.field).map.keys.int64.gt = 0];\n"
        "  map<int32, string> by_place = 2 [(buf.validate.field).map.keys.int32 = {in: [1, 2]}];\n"
        "  repeated string tags = 3 [(buf.validate.field).repeated.items.string.max_bytes = 9];\n"
        "  option (buf.validate.message).cel = {"
        "    id: 'x' message: 'by_id or by_place is needed' expression: 'true' };\n"
        "  option (buf.validate.message).cel_expression = 'true';\n"
        "}\n"
        "message TryResponse {}\n" + ECHO
    )
    request = document["components"]["schemas"]["TryRequest"]
    keys = request["properties"]["byId"]["propertyNames"]
    assert keys == {"pattern": "^-?[0-9]+$", "description": "Must be more than 0."}
    assert request["properties"]["byPlace"]["propertyNames"]["enum"] == ["1", "2"]
    assert request["properties"]["tags"]["items"]["description"] == "At most 9 bytes in UTF-8."
    assert request["description"].endswith("byId or byPlace is needed. Must satisfy `true` (CEL).")
