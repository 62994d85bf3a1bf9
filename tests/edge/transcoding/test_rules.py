"""Validation before the hop."""

import pytest


async def test_every_violation_is_told_with_its_limit(rig) -> None:
    book = {"title": "x" * 21, "pages": -1, "tags": ["ok", "x"]}
    response = await rig.http.post("/v1/shelves/a/books", json={"book": book})
    assert response.status_code == 400
    assert response.json()["reason"] == "INVALID_REQUEST"
    assert response.json()["errors"] == [
        ["book.title", "string.max_len", "must be at most 20 characters", {"max_len": "20"}],
        [
            "book.pages",
            "int64.gte_lte",
            "must be greater than or equal to 0 and less than or equal to 5000",
            {"gte": "0", "lte": "5000"},
        ],
        ["book.tags[1]", "string.min_len", "must be at least 2 characters", {"min_len": "2"}],
    ]
    assert rig.core.calls == []


async def test_a_missing_message(rig) -> None:
    response = await rig.http.post("/v1/shelves/a/books", json={})
    ((field, rule, _, _),) = response.json()["errors"]
    assert (field, rule) == ("book", "required")


async def test_the_query_and_the_path_are_validated_too(rig, faults) -> None:
    assert faults(await rig.http.get("/v1/books?pageSize=201")) == [("pageSize", "int32.gte_lte")]
    response = await rig.http.get(f"/v1/books/{'7' * 31}")
    assert faults(response) == [("bookId", "string.max_len")]


async def test_a_rule_for_the_whole_message_names_no_field(rig, faults) -> None:
    response = await rig.http.post("/v1/books/7:lend", json={"days": 105})
    assert faults(response) == [("", "lend.days")]


async def test_a_rule_that_cannot_be_evaluated_is_a_fault_of_the_request(rig, faults) -> None:
    response = await rig.http.post("/v1/books/7:lend", json={"days": 100})
    assert faults(response) == [("", "rule.undecided")]


async def test_a_format(rig) -> None:
    response = await rig.http.post("/v1/books/7:lend", json={"reader": "nobody"})
    ((field, rule, _, params),) = response.json()["errors"]
    assert (field, rule) == ("reader", "string.email")
    assert params == {"email": "true"}


RULES = """
    syntax = "proto3";
    package test.v1;
    import "buf/validate/validate.proto";
    import "google/api/annotations.proto";
    message Inner {
      string full_name = 1 [(buf.validate.field).string.min_len = 2];
    }
    message Request {
      map<string, Inner> by_name = 1 [(buf.validate.field).map.keys.string.max_len = 3];
      map<int32, Inner> by_number = 2;
      map<bool, Inner> by_flag = 3;
      map<string, string> texts = 4 [(buf.validate.field).map.values.string.max_len = 1];
      oneof choice {
        option (buf.validate.oneof).required = true;
        string one = 5;
        string other = 6 [json_name = "ANOTHER", (buf.validate.field).string.pattern = "^a"];
      }
      double share = 7 [(buf.validate.field).double = {gt: 0.5, lt: 1}];
      string kind = 8 [(buf.validate.field).string = {in: ["", "a", "b"]}];
      repeated Inner items = 9 [(buf.validate.field).repeated = {max_items: 2}];
      int32 even = 10 [(buf.validate.field).cel = {
        id: "number.even", message: "must be even", expression: "this % 2 == 0"
      }];
    }
    service Test {
      rpc Do(Request) returns (Request) {
        option (google.api.http) = {post: "/x", body: "*"};
      }
    }
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ["choice", "required", {}]),
        ({"byName": {'a"': {}}}, ['byName["a\\""].fullName', "string.min_len", {"min_len": "2"}]),
        (
            {"byName": {"abcd": {"fullName": "xx"}}},
            ['byName["abcd"]', "string.max_len", {"max_len": "3"}],
        ),
        ({"byNumber": {"-5": {}}}, ['byNumber["-5"].fullName', "string.min_len", {"min_len": "2"}]),
        ({"byFlag": {"true": {}}}, ['byFlag["true"].fullName', "string.min_len", {"min_len": "2"}]),
        ({"texts": {"k": "vv"}}, ['texts["k"]', "string.max_len", {"max_len": "1"}]),
        ({"ANOTHER": "b"}, ["ANOTHER", "string.pattern", {"pattern": "^a"}]),
        ({"share": 0.25}, ["share", "double.gt_lt", {"gt": "0.5", "lt": "1"}]),
        ({"kind": "c"}, ["kind", "string.in", {}]),
        ({"items": [{"fullName": "xx"}] * 3}, ["items", "repeated.max_items", {"max_items": "2"}]),
        ({"items": [{"fullName": ""}]}, ["items[0].fullName", "string.min_len", {"min_len": "2"}]),
        ({"even": 3}, ["even", "number.even", {}]),
    ],
)
async def test_places_and_limits(make_rig, compile_proto, body, expected) -> None:
    if body and "ANOTHER" not in body:
        body = {**body, "one": "x"}
    body = {"share": 0.75, **body}
    async with make_rig(compile_proto(RULES), "test.v1.Test") as rig:
        response = await rig.http.post("/x", json=body)
    ((field, rule, _, params),) = response.json()["errors"]
    assert [field, rule, params] == expected
