"""Bodies that are nested deeply."""

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")


def nested(opening: str, closing: str, depth: int, inside: str = "") -> str:
    return opening * depth + inside + closing * depth


@pytest.mark.parametrize(
    ("body", "depth"),
    [
        (('{"child":', "}", "{}"), 90),
        (('{"children":[', "]}", "{}"), 90),
        (('{"byNumber":{"1":', "}}", "{}"), 45),
        (('{"middle":', "}", "{}"), 90),
    ],
)
async def test_some_depth_is_fine(reflect, body, depth) -> None:
    opening, closing, inside = body
    response = await reflect(nested(opening, closing, depth, inside))
    assert response.status_code == 200, response.text
    response = await reflect(nested(opening, closing, depth + 1, inside))
    assert response.status_code == 400


async def test_some_depth_is_fine_in_free_form(reflect) -> None:
    for value in (nested("[", "]", 25), nested('{"a":', "}", 25, "1")):
        assert (await reflect(f'{{"aValue":{value}}}')).status_code == 200


@pytest.mark.parametrize("depth", [91, 200, 500, 5_000, 50_000])
@pytest.mark.parametrize(
    ("opening", "closing", "inside"),
    [
        ('{"child":', "}", "{}"),
        ('{"children":[', "]}", "{}"),
        ('{"byNumber":{"1":', "}}", "{}"),
        ('{"middle":', "}", "{}"),
    ],
)
async def test_too_much_depth(reflect, faults, opening, closing, inside, depth) -> None:
    ((_, rule),) = faults(await reflect(nested(opening, closing, depth, inside)))
    assert rule == "json.depth"


@pytest.mark.parametrize("depth", [31, 100, 900, 5_000, 150_000])
@pytest.mark.parametrize("field", ["aValue", "aList", "aStruct", "anything"])
async def test_too_much_depth_in_free_form(reflect, faults, field, depth) -> None:
    value = nested("[", "]", depth)
    if field == "aStruct":
        value = nested('{"a":', "}", depth, "1")
    if field == "anything":
        value = f'{{"@type":"x/google.protobuf.ListValue","value":{value}}}'
    ((place, rule),) = faults(await reflect(f'{{"{field}":{value}}}'))
    assert rule == "json.depth"
    assert place in (field, "")


@pytest.mark.parametrize("depth", [100, 900, 5_000, 150_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ("[", ""), ("{", "")])
@pytest.mark.parametrize("field", ["aString", "numbers", "labels", "aTime", "nothingLike", None])
async def test_depth_where_none_is_possible(reflect, opening, closing, depth, field) -> None:
    value = nested(opening, closing, depth, "1" if closing == "}" else "")
    response = await reflect(value if field is None else f'{{"{field}":{value}}}')
    assert response.status_code == 400
