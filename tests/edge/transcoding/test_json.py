"""What ProtoJSON allows in a body."""

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")


ACCEPTED = [
    ('{"anInt32":1e2}', "anInt32", 100),
    ('{"anInt32":1.0}', "anInt32", 1),
    ('{"anInt32":"-7"}', "anInt32", -7),
    ('{"anInt32":"1e2"}', "anInt32", 100),
    ('{"anInt32":-2147483648}', "anInt32", -2147483648),
    ('{"an_int32":5}', "anInt32", 5),
    ('{"anInt64":9223372036854775807}', "anInt64", "9223372036854775807"),
    ('{"aUint64":"18446744073709551615"}', "aUint64", "18446744073709551615"),
    ('{"aDouble":"1.5"}', "aDouble", 1.5),
    ('{"aDouble":"NaN"}', "aDouble", "NaN"),
    ('{"aDouble":"-Infinity"}', "aDouble", "-Infinity"),
    ('{"aFloat":-0.25}', "aFloat", -0.25),
    ('{"aColor":"COLOR_RED"}', "aColor", "COLOR_RED"),
    ('{"aColor":1}', "aColor", "COLOR_RED"),
    ('{"aColor":-1}', "aColor", "COLOR_NEGATIVE"),
    ('{"aColor":99}', "aColor", 99),
    ('{"aColor":2147483647}', "aColor", 2147483647),
    ('{"someBytes":"YQ"}', "someBytes", "YQ=="),
    ('{"someBytes":"_-8="}', "someBytes", "/+8="),
    ('{"aString":"\\u0000\\ud83d\\udcda"}', "aString", "\0\N{BOOKS}"),
    ('{"renamed":"x"}', "aliasOfIt", "x"),
    ('{"aliasOfIt":"x"}', "aliasOfIt", "x"),
    ('{"labels":{"":"x","a.b":"y"}}', "labels", {"": "x", "a.b": "y"}),
    ('{"byFlag":{"true":1,"false":"2"}}', "byFlag", {"true": "1", "false": "2"}),
    ('{"colorsByNumber":{"7":"COLOR_RED"}}', "colorsByNumber", {"7": "COLOR_RED"}),
    ('{"aTime":"2020-01-02T03:04:05.5+01:00"}', "aTime", "2020-01-02T02:04:05.500Z"),
    ('{"aDuration":"-1.5s"}', "aDuration", "-1.500s"),
    ('{"aMask":"a.bC,d"}', "aMask", "a.bC,d"),
    ('{"aStruct":{"a":[1,null,{"b":true}]}}', "aStruct", {"a": [1, None, {"b": True}]}),
    ('{"aValue":null}', "aValue", None),
    ('{"aList":[[],{},"x"]}', "aList", [[], {}, "x"]),
    ('{"wrappedInt":"5"}', "wrappedInt", "5"),
    ('{"wrappedString":""}', "wrappedString", ""),
    ('{"wrappedBool":false}', "wrappedBool", False),
    ('{"empty":{}}', "empty", {}),
    ('{"maybeInt":0}', "maybeInt", 0),
    ('{"left":""}', "left", ""),
    ('{"left":"x","right":null}', "left", "x"),
    ('{"nothing":null}', "nothing", None),
    ('{"values":[null,1]}', "values", [None, 1]),
    (
        '{"anything":{"@type":"type.googleapis.com/everything.v1.Everything","renamed":"x"}}',
        "anything",
        None,
    ),
    (
        '{"anything":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}}',
        "anything",
        {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"},
    ),
    ('{"anything":{}}', "anything", {}),
]


@pytest.mark.parametrize(("body", "field", "value"), ACCEPTED)
async def test_accepted(reflect, body, field, value) -> None:
    response = await reflect(body)
    assert response.status_code == 200, response.text
    answer = response.json()
    assert field in answer
    if value is not None:
        assert answer[field] == value


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        " \t\r\n{ }\n",
        '{"maybeInt":null,"child":null,"labels":null,"numbers":null,"aColor":null,"aTime":null}',
        '{"wrappedInt":null,"left":null,"right":null,"anything":null,"empty":null}',
    ],
)
async def test_nothing_but_defaults(reflect, body) -> None:
    """Fields without presence are always there; those with it only if they were given."""
    response = await reflect(body)
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["anInt32"] == 0
    assert answer["anInt64"] == "0"
    assert answer["aBool"] is False
    assert answer["aString"] == answer["someBytes"] == answer["aliasOfIt"] == ""
    assert answer["aColor"] == "COLOR_UNSPECIFIED"
    assert answer["numbers"] == answer["children"] == answer["values"] == []
    assert answer["labels"] == answer["byNumber"] == {}
    absent = {"maybeInt", "child", "left", "right", "aTime", "aStruct", "wrappedInt", "empty"}
    assert not absent & answer.keys()
