"""Schemas against the rules they stand for: both judge the same values, and must not disagree.

Every field below is tried with every value of its kind. What the schema accepts, protovalidate has
to accept. What the schema refuses, protovalidate has to refuse as well, unless the comment of the
field says that the schema is `Stricter`. Rules that JSON Schema cannot say are marked `Told`: their
fields are exempt, and their sentences stand in the description.
"""

import base64
from typing import Any

import protovalidate
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from tests.edge.openapi.conftest import Compile, Describe
from tests.edge.openapi.json_schema import JsonSchema

CONTRACT = r"""
// Probe is probed.
service Probe {
  // Probes.
  rpc Try(TryRequest) returns (TryResponse) {
    option (google.api.http) = {post: "/try" body: "*"};
  }
}
// Color is a colour.
enum Color {
  // None.
  COLOR_UNSPECIFIED = 0;
  // Red.
  COLOR_RED = 1;
  // Blue.
  COLOR_BLUE = 2;
}
// Inner is inside.
message Inner {
  // Needed.
  string name = 1 [(buf.validate.field).string.min_len = 1];
}
message TryResponse {}
message TryRequest {
  string bounded = 1 [(buf.validate.field).string = {min_len: 2 max_len: 4}];
  string exact = 2 [(buf.validate.field).string.len = 3];
  string patterned = 3 [(buf.validate.field).string.pattern = "^[a-c]+$"];
  string unprintable = 4 [(buf.validate.field).string.pattern = "^[^\\p{Cc}]*$"];
  string shell = 5 [(buf.validate.field).string = {prefix: "a." suffix: ".z" contains: "-"}];
  string without = 6 [(buf.validate.field).string.not_contains = "b"];
  string one_of = 7 [(buf.validate.field).string = {in: ["a", "ab"]}];
  string none_of = 8 [(buf.validate.field).string = {not_in: ["a", "ab"]}];
  string constant = 9 [(buf.validate.field).string.const = "ab"];
  string id = 10 [(buf.validate.field).string.uuid = true];
  string mail = 11 [(buf.validate.field).string.email = true];
  string trimmed_id = 12 [(buf.validate.field).string.tuuid = true];
  string ulid = 13 [(buf.validate.field).string.ulid = true];
  // Stricter: the default passes, and the schema would have clients leave it out.
  string lenient = 14 [
    (buf.validate.field).ignore = IGNORE_IF_ZERO_VALUE,
    (buf.validate.field).string.uuid = true
  ];
  string unruled = 15 [
    (buf.validate.field).ignore = IGNORE_ALWAYS,
    (buf.validate.field).string.uuid = true
  ];
  optional string present = 16 [(buf.validate.field).string.min_len = 2];
  string demanded = 17 [(buf.validate.field).required = true];
  // Told.
  string sized = 18 [(buf.validate.field).string = {max_bytes: 4}];
  // Told.
  string network = 19 [(buf.validate.field).string.ip_prefix = true];
  string dotted = 49 [(buf.validate.field).string.pattern = "^a.b$"];
  string literal = 50 [(buf.validate.field).string = {pattern: "^.{1,9}$" prefix: "a.-"}];

  int32 ranged = 20 [(buf.validate.field).int32 = {gte: 1 lte: 5}];
  int32 gap = 21 [(buf.validate.field).int32 = {gt: 4 lt: 2}];
  int32 below = 22 [(buf.validate.field).int32.lt = 3];
  uint32 listed = 23 [(buf.validate.field).uint32 = {in: [1, 2]}];
  sint32 unlisted = 24 [(buf.validate.field).sint32 = {not_in: [0, 2]}];
  fixed32 pinned = 25 [(buf.validate.field).fixed32.const = 3];
  double share = 26 [(buf.validate.field).double = {gte: 0 lt: 1}];
  float finite = 27 [(buf.validate.field).float.finite = true];
  float wild = 28;
  int32 demanded_number = 29 [(buf.validate.field).required = true];
  // Told.
  int64 wide = 30 [(buf.validate.field).int64 = {gt: 2 lte: 5}];
  uint64 wide_listed = 31 [(buf.validate.field).uint64 = {in: [1, 2]}];
  int64 wide_unlisted = 48 [(buf.validate.field).int64 = {not_in: [1]}];

  bool agreed = 32 [(buf.validate.field).bool.const = true];
  bool demanded_flag = 33 [(buf.validate.field).required = true];
  Color color = 34 [(buf.validate.field).enum = {defined_only: true not_in: [0]}];
  Color cold = 35 [(buf.validate.field).enum = {in: [2]}];
  Color demanded_color = 36 [(buf.validate.field).required = true];

  repeated string tags = 37 [(buf.validate.field).repeated = {
    min_items: 1 max_items: 2 unique: true items: {string: {min_len: 1 max_len: 2}}
  }];
  repeated string demanded_tags = 38 [(buf.validate.field).required = true];
  map<string, int32> counts = 39 [(buf.validate.field).map = {
    min_pairs: 1 max_pairs: 2
    keys: {string: {pattern: "^[a-c]+$"}}
    values: {int32: {gte: 0 lte: 2}}
  }];
  Inner inner = 40 [(buf.validate.field).required = true];
  // Told.
  bytes blob = 41 [(buf.validate.field).bytes = {min_len: 2 max_len: 3}];
  bytes chosen = 42 [(buf.validate.field).bytes = {in: ["ab", "c"]}];
  // Stricter: null passes as well, and says that the value is absent.
  google.protobuf.StringValue wrapped = 43 [(buf.validate.field).string.min_len = 2];
  // Told.
  google.protobuf.Duration wait = 44 [(buf.validate.field).duration = {gte: {seconds: 5}}];
  // Told.
  google.protobuf.Timestamp past = 45 [(buf.validate.field).timestamp.lt_now = true];
  // Told.
  google.protobuf.FieldMask mask = 46 [(buf.validate.field).field_mask = {in: ["user_id"]}];
  // Told.
  string checked = 47 [(buf.validate.field).cel = {
    id: "checked" message: "must not shout" expression: "this == this.lowerAscii()"
  }];
}
"""

TEXTS = [
    "", "a", "ab", "abc", "abcd", "abcde", "b", "cab", "a.-.z", "a.z", "a.-", "a-z", "x\n", "\x07",
    "a\nb", "a\rb", "a\u2028b", "axb", "\N{GRINNING FACE}" * 3, "\N{GRINNING FACE}" * 5, "ab\n",
    "0197a3c2-8f4e-7b6a-9c1d-2e3f4a5b6c7d", "0197A3C28F4E7B6A9C1D2E3F4A5B6C7D", "me",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV", "81ARZ3NDEKTSV4RRFFQ69G5FAV", "ada@example.com", "ada@", "@b",
    "ada@example.com ", "SHOUT", "192.0.2.0/24",
]  # fmt: skip
NUMBERS = [-1, 0, 1, 2, 3, 4, 5, 6]
VALUES: dict[str, list[Any]] = {
    "string": TEXTS,
    "bytes": [base64.b64encode(text.encode()).decode() for text in TEXTS],
    "int32": NUMBERS,
    "uint32": NUMBERS[1:],
    "int64": [str(number) for number in NUMBERS],
    "uint64": [str(number) for number in NUMBERS[1:]],
    "double": [*NUMBERS, 0.5, "NaN", "Infinity", "-Infinity"],
    "bool": [True, False],
    "enum": ["COLOR_UNSPECIFIED", "COLOR_RED", "COLOR_BLUE", "COLOR_GREEN"],
    "list": [[], ["a"], ["a", "b"], ["a", "a"], ["a", "b", "c"], [""], ["abc"]],
    "map": [{}, {"a": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 1, "c": 1}, {"x": 1}, {"a": 3}],
    "inner": [{}, {"name": ""}, {"name": "a"}],
    "duration": ["0s", "5s", "4.5s"],
    "timestamp": ["2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z"],
    "mask": ["userId", "name"],
}
KINDS = {
    1: "double", 2: "double", 3: "int64", 4: "uint64", 5: "int32", 7: "uint32", 8: "bool",
    9: "string", 12: "bytes", 13: "uint32", 14: "enum", 17: "int32",
}  # fmt: skip
MESSAGE_KINDS = {
    "Inner": "inner",
    "StringValue": "string",
    "Duration": "duration",
    "Timestamp": "timestamp",
    "FieldMask": "mask",
}


class Both:
    """The schema and the rules of `TryRequest`, side by side."""

    def __init__(self, contract: bytes, document: dict[str, Any]) -> None:
        self.pool = DescriptorPool()
        for file in FileDescriptorSet.FromString(contract).file:
            self.pool.AddSerializedFile(file.SerializeToString())
        self.message = self.pool.FindMessageTypeByName("probe.v1.TryRequest")
        self.schema = document["components"]["schemas"]["TryRequest"]
        self.judge = JsonSchema(document)
        self.validator = protovalidate.Validator()

    def rules_accept(self, name: str, tree: dict[str, Any]) -> bool:
        """Whether the rules have nothing against one field; the others are not looked at."""
        message = GetMessageClass(self.message)()
        try:
            json_format.ParseDict(tree, message, descriptor_pool=self.pool)
        except json_format.ParseError:
            return False
        violations = self.validator.collect_violations(message)
        return name not in {each.proto.field.elements[0].field_name for each in violations}

    def schema_accepts(self, field: Any, tree: dict[str, Any]) -> bool:
        if field.json_name not in tree:
            return field.json_name not in self.schema["required"]
        schema = self.schema["properties"][field.json_name]
        return self.judge.accepts(schema, tree[field.json_name])


@pytest.fixture(scope="module")
def both(compile_proto: Compile, describe: Describe) -> Both:
    return Both(compile_proto(CONTRACT), describe(CONTRACT))


def values_of(field: Any) -> list[Any]:
    if field.message_type and field.message_type.GetOptions().map_entry:
        return VALUES["map"]
    if field.is_repeated:
        return VALUES["list"]
    kind = MESSAGE_KINDS[field.message_type.name] if field.message_type else KINDS[field.type]
    return VALUES[kind]


def trees(both: Both, mark: str) -> list[tuple[Any, dict[str, Any]]]:
    """Every field without `mark` in its comment, absent and with each of its values."""
    fields = [
        field
        for field in both.message.fields
        if mark not in both.schema["properties"][field.json_name]["description"]
    ]
    given = [(field, {field.json_name: value}) for field in fields for value in values_of(field)]
    return given + [(field, {}) for field in fields]


def test_what_the_schema_accepts_the_rules_accept(both: Both) -> None:
    tried = trees(both, "Told")
    assert len(tried) > 500
    wrong = [
        f"{field.name} {tree}"
        for field, tree in tried
        if both.schema_accepts(field, tree) and not both.rules_accept(field.name, tree)
    ]
    assert not wrong


def test_what_the_schema_refuses_the_rules_refuse(both: Both) -> None:
    wrong = [
        f"{field.name} {tree}"
        for field, tree in trees(both, "Stricter")
        if not both.schema_accepts(field, tree) and both.rules_accept(field.name, tree)
    ]
    assert not wrong


def test_each_value_tells_something(both: Both) -> None:
    """A field whose values all pass or all fail would prove nothing."""
    for field in both.message.fields:
        verdicts = {
            both.rules_accept(field.name, {field.json_name: value}) for value in values_of(field)
        }
        if field.name not in ("unruled", "wild"):
            assert verdicts == {True, False}, field.name


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("sized", "At most 4 bytes in UTF-8."),
        ("network", "An IP network, such as `192.0.2.0/24`."),
        ("wide", "Must be more than 2 and at most 5."),
        ("blob", "At least 2 bytes. At most 3 bytes."),
        ("wait", "Must be at least `5s`."),
        ("past", "Must be in the past."),
        ("mask", "May name `userId`."),
        ("checked", "Must not shout."),
    ],
)
def test_what_no_keyword_says_a_sentence_does(both: Both, name: str, sentence: str) -> None:
    assert both.schema["properties"][name]["description"].endswith(sentence)


def test_the_whole_request_is_demanded_as_the_rules_demand_it(both: Both) -> None:
    violations = both.validator.collect_violations(GetMessageClass(both.message)())
    needed = {each.proto.field.elements[0].field_name for each in violations}
    names = {field.name: field.json_name for field in both.message.fields}
    assert {names[name] for name in needed} == set(both.schema["required"])
