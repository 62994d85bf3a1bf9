"""Bodies that are JSON, but do not fit the request."""

import json

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

HALF = '"\\ud83d"'
FAULTS = [
    # Fields that are not there.
    ('{"nothingLike":1}', "nothingLike", "json.unknown_field"),
    ('{"AnInt32":1}', "AnInt32", "json.unknown_field"),
    ('{"an-int":1}', '["an-int"]', "json.unknown_field"),
    ('{"@type":"x"}', '["@type"]', "json.unknown_field"),
    ('{"":1}', '[""]', "json.unknown_field"),
    ('{"child":{"x":1}}', "child.x", "json.unknown_field"),
    ('{"children":[{},{"x":1}]}', "children[1].x", "json.unknown_field"),
    ('{"byNumber":{"5":{"x":1}}}', 'byNumber["5"].x', "json.unknown_field"),
    ('{"middle":{"child":{"x":1}}}', "middle.child.x", "json.unknown_field"),
    ('{"empty":{"x":1}}', "empty.x", "json.unknown_field"),
    ('{"[everything.v1.extension]":1}', '["[everything.v1.extension]"]', "json.unknown_field"),
    # The same twice.
    ('{"anInt32":1,"anInt32":1}', "anInt32", "json.duplicate_key"),
    ('{"anInt32":1,"an_int32":1}', "anInt32", "json.duplicate_key"),
    ('{"anInt32":null,"an_int32":1}', "anInt32", "json.duplicate_key"),
    ('{"renamed":"a","aliasOfIt":"b"}', "aliasOfIt", "json.duplicate_key"),
    ('{"child":{"aBool":true,"aBool":true}}', "child.aBool", "json.duplicate_key"),
    ('{"child":{"aBool":true,"a_bool":true}}', "child.aBool", "json.duplicate_key"),
    ('{"children":[{"aBool":true,"a_bool":true}]}', "children[0].aBool", "json.duplicate_key"),
    ('{"labels":{"a":"1","a":"2"}}', "labels.a", "json.duplicate_key"),
    ('{"aStruct":{"a":[{"b":1,"b":2}]}}', "aStruct.a[0].b", "json.duplicate_key"),
    ('{"x":1,"x":2}', "x", "json.duplicate_key"),
    ('{"aString":"","a\\u0053tring":""}', "aString", "json.duplicate_key"),
    # Two of which there may be one.
    ('{"left":"a","right":1}', "right", "json.oneof"),
    ('{"left":"","right":0}', "right", "json.oneof"),
    ('{"left":"a","nothing":null}', "nothing", "json.oneof"),
    ('{"child":{"middle":{},"left":"a"}}', "child.left", "json.oneof"),
    # Numbers.
    ('{"anInt32":2147483648}', "anInt32", "json.type"),
    ('{"anInt32":1.5}', "anInt32", "json.type"),
    ('{"anInt32":1e400}', "anInt32", "json.type"),
    ('{"anInt32":1e20}', "anInt32", "json.type"),
    ('{"anInt32":"1e400"}', "anInt32", "json.type"),
    ('{"anInt32":true}', "anInt32", "json.type"),
    ('{"anInt32":""}', "anInt32", "json.type"),
    ('{"anInt32":" 1"}', "anInt32", "json.type"),
    ('{"anInt32":"+1"}', "anInt32", "json.type"),
    ('{"anInt32":"1_0"}', "anInt32", "json.type"),
    ('{"anInt32":"0x1"}', "anInt32", "json.type"),
    ('{"anInt32":"\\u0661"}', "anInt32", "json.type"),
    ('{"anInt32":"NaN"}', "anInt32", "json.type"),
    ('{"anInt32":[]}', "anInt32", "json.type"),
    ('{"anInt32":{}}', "anInt32", "json.type"),
    ('{"aUint32":-1}', "aUint32", "json.type"),
    ('{"aUint64":"18446744073709551616"}', "aUint64", "json.type"),
    ('{"anInt64":9223372036854775808}', "anInt64", "json.type"),
    ('{"aFloat":1e39}', "aFloat", "json.type"),
    ('{"aDouble":1e400}', "aDouble", "json.type"),
    ('{"aDouble":"1e400"}', "aDouble", "json.type"),
    ('{"aDouble":"inf"}', "aDouble", "json.type"),
    ('{"aDouble":"nan"}', "aDouble", "json.type"),
    ('{"aDouble":".5"}', "aDouble", "json.type"),
    ('{"aDouble":""}', "aDouble", "json.type"),
    ('{"wrappedInt":"1_0"}', "wrappedInt", "json.type"),
    ('{"wrappedInt":{}}', "wrappedInt", "json.type"),
    ('{"wrappedDouble":"x"}', "wrappedDouble", "json.type"),
    # Other scalars.
    ('{"aBool":"true"}', "aBool", "json.type"),
    ('{"aBool":1}', "aBool", "json.type"),
    ('{"aString":1}', "aString", "json.type"),
    ('{"aString":["a"]}', "aString", "json.type"),
    ('{"someBytes":"*"}', "someBytes", "json.type"),
    ('{"someBytes":"YQ==="}', "someBytes", "json.type"),
    ('{"someBytes":"\\u00e4"}', "someBytes", "json.type"),
    ('{"aColor":"RED"}', "aColor", "json.enum"),
    ('{"aColor":"1"}', "aColor", "json.enum"),
    ('{"aColor":1.5}', "aColor", "json.enum"),
    ('{"aColor":true}', "aColor", "json.enum"),
    ('{"aColor":2147483648}', "aColor", "json.enum"),
    ('{"colors":["COLOR_RED","x"]}', "colors[1]", "json.enum"),
    ('{"colorsByNumber":{"1":"x"}}', 'colorsByNumber["1"]', "json.enum"),
    # Lists and maps.
    ('{"numbers":1}', "numbers", "json.type"),
    ('{"numbers":{}}', "numbers", "json.type"),
    ('{"numbers":[1,null]}', "numbers[1]", "json.type"),
    ('{"numbers":[1,"x"]}', "numbers[1]", "json.type"),
    ('{"numbers":[1,"1_0"]}', "numbers[1]", "json.type"),
    ('{"numbers":[[1]]}', "numbers[0]", "json.type"),
    ('{"texts":[null]}', "texts[0]", "json.type"),
    ('{"children":[null]}', "children[0]", "json.type"),
    ('{"children":[1]}', "children[0]", "json.type"),
    ('{"labels":[]}', "labels", "json.type"),
    ('{"labels":{"a":null}}', 'labels["a"]', "json.type"),
    ('{"labels":{"a":1}}', 'labels["a"]', "json.type"),
    ('{"byNumber":{"x":{}}}', 'byNumber["x"]', "json.type"),
    ('{"byNumber":{"01":{}}}', 'byNumber["01"]', "json.type"),
    ('{"byNumber":{"-0":{}}}', 'byNumber["-0"]', "json.type"),
    ('{"byNumber":{"2147483648":{}}}', 'byNumber["2147483648"]', "json.type"),
    ('{"byNumber":{"1":{"aBool":1}}}', 'byNumber["1"].aBool', "json.type"),
    ('{"byFlag":{"True":1}}', 'byFlag["True"]', "json.type"),
    ('{"byFlag":{"true":"x"}}', 'byFlag["true"]', "json.type"),
    # Messages with a form of their own.
    ('{"child":[]}', "child", "json.type"),
    ('{"child":"x"}', "child", "json.type"),
    ('{"aTime":"x"}', "aTime", "json.type"),
    ('{"aTime":"2020-01-01"}', "aTime", "json.type"),
    ('{"aTime":"2020-02-30T00:00:00Z"}', "aTime", "json.type"),
    ('{"aTime":"0000-01-01T00:00:00Z"}', "aTime", "json.type"),
    ('{"aTime":1577836800}', "aTime", "json.type"),
    ('{"aTime":{"seconds":1}}', "aTime", "json.type"),
    ('{"times":["2020-01-01T00:00:00Z","x"]}', "times[1]", "json.type"),
    ('{"aDuration":"1"}', "aDuration", "json.type"),
    ('{"aDuration":"315576000001s"}', "aDuration", "json.type"),
    ('{"aMask":["a"]}', "aMask", "json.type"),
    ('{"aMask":"a_b"}', "aMask", "json.type"),
    ('{"aStruct":[]}', "aStruct", "json.type"),
    ('{"aList":{}}', "aList", "json.type"),
    ('{"aValue":1e400}', "aValue", "json.type"),
    ('{"values":[1,1e400]}', "values[1]", "json.type"),
    ('{"anything":[]}', "anything", "json.type"),
    ('{"anything":{"aBool":true}}', "anything", "json.type"),
    ('{"anything":{"@type":1}}', "anything", "json.type"),
    ('{"anything":{"@type":"type.googleapis.com/no.such.Type"}}', "anything", "json.type"),
    (
        '{"anything":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"x"}}',
        "anything",
        "json.type",
    ),
    (
        '{"anything":{"@type":"type.googleapis.com/everything.v1.Everything","x":"x"}}',
        "anything.x",
        "json.unknown_field",
    ),
    (
        '{"anything":{"@type":"x/everything.v1.Everything","left":"x","right":1}}',
        "anything.right",
        "json.oneof",
    ),
    # Text that cannot be.
    (f'{{"aString":{HALF}}}', "aString", "json.encoding"),
    ('{"aString":"\\udcda\\ud83d"}', "aString", "json.encoding"),
    (f'{{"texts":["a",{HALF}]}}', "texts[1]", "json.encoding"),
    (f'{{"labels":{{{HALF}:"a"}}}}', 'labels["\\ud83d"]', "json.encoding"),
    (f'{{"labels":{{"a":{HALF}}}}}', 'labels["a"]', "json.encoding"),
    (f'{{"aStruct":{{{HALF}:1}}}}', "aStruct", "json.encoding"),
    (f'{{"aValue":[[{HALF}]]}}', "aValue", "json.encoding"),
    (f'{{"wrappedString":{HALF}}}', "wrappedString", "json.encoding"),
    (f'{{"aTime":{HALF}}}', "aTime", "json.encoding"),
    (f'{{"aColor":{HALF}}}', "aColor", "json.encoding"),
    (f'{{"someBytes":{HALF}}}', "someBytes", "json.encoding"),
    (f"{{{HALF}:1}}", '["\\ud83d"]', "json.unknown_field"),
]


@pytest.mark.parametrize(("body", "field", "rule"), FAULTS)
async def test_a_fault_is_named(reflect, mirror, faults, body, field, rule) -> None:
    assert faults(await reflect(body)) == [(field, rule)]
    assert mirror.core.calls == []


async def test_all_faults_are_told_at_once(reflect, faults) -> None:
    body = {
        "anInt32": "x",
        "nothing_like": 1,
        "children": [{"aBool": 1}, {}, {"left": "a", "right": 1}],
        "labels": {"a": 1, "b": "2"},
    }
    assert faults(await reflect(json.dumps(body))) == [
        ("anInt32", "json.type"),
        ("nothing_like", "json.unknown_field"),
        ("children[0].aBool", "json.type"),
        ("children[2].right", "json.oneof"),
        ('labels["a"]', "json.type"),
    ]


async def test_but_not_thousands(reflect, faults) -> None:
    members = ",".join(f'"x{n}":1' for n in range(5_000))
    assert len(faults(await reflect(f"{{{members}}}"))) == 100
    repeated = ",".join(['"x":1'] * 5_000)
    assert len(faults(await reflect(f"{{{repeated}}}"))) == 100


async def test_a_name_without_end_is_not_echoed(reflect) -> None:
    assert len((await reflect(f'{{"{"x" * 100_000}":1}}')).text) < 1_000
    nested = '{"x":' * 80 + f'{{"{"y" * 5_000}":1,"{"y" * 5_000}":2}}' + "}" * 80
    assert len((await reflect(nested)).text) < 1_000


@pytest.mark.parametrize("digits", [310, 400, 401, 5000, 50_000])
@pytest.mark.parametrize(
    "field", ["anInt32", "aUint64", "aDouble", "aFloat", "aColor", "aStruct", "aValue", "aString"]
)
async def test_a_number_without_end(reflect, faults, field, digits) -> None:
    fault = await reflect(f'{{"{field}":{"9" * digits}}}')
    assert faults(fault) == [(field, "json.enum" if field == "aColor" else "json.type")]


async def test_a_number_without_end_in_quotation_marks(reflect, faults) -> None:
    assert faults(await reflect(f'{{"anInt32":"{"9" * 5_000}"}}')) == [("anInt32", "json.type")]
