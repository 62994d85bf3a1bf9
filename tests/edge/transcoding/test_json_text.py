"""Bodies that are no JSON at all."""

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

SYNTAX = [
    b"{",
    b"}",
    b"x",
    b"{'a':1}",
    b'{"anInt32":1,}',
    b'{"anInt32":01}',
    b'{"anInt32":+1}',
    b'{"anInt32":.5}',
    b'{"anInt32":1.}',
    b'{"anInt32":0x1}',
    b'{"aDouble":NaN}',
    b'{"aDouble":Infinity}',
    b'{"aDouble":-Infinity}',
    b'{"aString":"a\nb"}',
    b'{"aString":"\\x41"}',
    b'{"aString":"\\u12"}',
    b'{"aString":"x}',
    b"{} {}",
    b"{}x",
    b"{}\x00",
    b'{"anInt32":1 /* one */}',
    b"\xef\xbb\xbf{}",
    b'{"a":{"b":1,"b":2}, x}',
    b"   ",
]


@pytest.mark.parametrize("body", SYNTAX)
async def test_what_is_no_json(reflect, faults, body) -> None:
    assert faults(await reflect(body)) == [("", "json.syntax")]


async def test_where_it_stops_being_json(reflect) -> None:
    ((_, _, message, params),) = (await reflect('{\n  "anInt32": x}')).json()["errors"]
    assert params == {"line": "2", "column": "14"}
    assert "line 2, column 14" in message


@pytest.mark.parametrize(
    "body",
    [
        b'{"aString":"\xff"}',
        b'{"aString":"\xed\xa0\x80"}',
        b'{"aString":"\xc0\xaf"}',
        b'{"\xff":1}',
        b"\xff\xfe{\x00}\x00",
    ],
)
async def test_what_is_no_utf8(reflect, faults, body) -> None:
    assert faults(await reflect(body)) == [("", "json.encoding")]


@pytest.mark.parametrize("body", ["[]", "null", "1", '"x"', "true", "[{}]"])
async def test_a_body_that_is_no_object(reflect, faults, body) -> None:
    assert faults(await reflect(body)) == [("", "json.type")]
