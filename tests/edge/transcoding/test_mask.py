"""Update masks."""

import pytest


@pytest.fixture
def patch(rig):
    """Patches a book and returns the mask that the server got."""

    async def patch(body, query: str = "") -> list[str]:
        response = await rig.http.patch(f"/v1/books/7{query}", json=body)
        assert response.status_code == 200, response.text
        return list(rig.core.request.update_mask.paths)

    return patch


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"title": "x"}, ["title"]),
        ({"title": ""}, ["title"]),
        ({"subtitle": None}, ["subtitle"]),
        ({"shelf_mark": "x"}, ["shelf_mark"]),
        ({"MARK": "x"}, ["shelf_mark"]),
        ({"author": {"homeTown": "x"}}, ["author.home_town"]),
        ({"author": {"home_town": "x", "fullName": "y"}}, ["author.home_town", "author.full_name"]),
        ({"author": {}}, ["author"]),
        ({"author": None}, ["author"]),
        ({"tags": []}, ["tags"]),
        ({"tags": ["aa"], "genre": "GENRE_POEMS"}, ["tags", "genre"]),
        ({"notes": {"a": {"fullName": "x"}}}, ["notes"]),
        ({"cents": 0}, ["cents"]),
        ({}, []),
    ],
)
async def test_an_absent_mask_is_what_the_body_has(patch, body, paths) -> None:
    assert await patch(body) == paths


async def test_an_empty_mask_is_an_absent_one(patch) -> None:
    assert await patch({"title": "x"}, "?updateMask=") == ["title"]


@pytest.mark.parametrize(
    "query", ["?updateMask=title,author.homeTown", "?update_mask=title,author.home_town"]
)
async def test_a_mask_that_is_given_stays(patch, query) -> None:
    assert await patch({"subtitle": "x"}, query) == ["title", "author.home_town"]


@pytest.mark.parametrize("path", ["*", "notes", "notes.someKey", "tags"])
async def test_masks_of_other_kinds(patch, path) -> None:
    assert len(await patch({}, f"?updateMask={path}")) == 1


@pytest.mark.parametrize(
    "path", ["nothing", "author.nothing", "title.x", "title.", ".", "createTime.seconds", "tags.x"]
)
async def test_a_mask_that_leads_nowhere(rig, faults, path) -> None:
    response = await rig.http.patch(f"/v1/books/7?updateMask=title,{path}", json={})
    assert faults(response) == [("updateMask", "mask.unknown")]
    assert rig.core.calls == []


async def test_what_the_client_only_sends_back_is_not_changed(patch) -> None:
    """The path, the id and what the server alone sets; but they may be there."""
    book = {"bookId": "7", "createTime": "2020-01-01T00:00:00Z", "title": "x"}
    assert await patch(book) == ["title"]


async def test_without_a_body_there_is_nothing_to_change(rig) -> None:
    assert (await rig.http.patch("/v1/books/7")).status_code == 200
    assert rig.core.request.book.book_id == "7"
    assert list(rig.core.request.update_mask.paths) == []


async def test_only_patch_has_such_a_mask(rig) -> None:
    assert (await rig.http.put("/v1/books/7", json={"title": "x"})).status_code == 200
    assert not rig.core.request.HasField("update_mask")


async def test_the_values_arrive_as_well(rig, patch) -> None:
    await patch({"title": "x", "author": {"homeTown": "y"}})
    assert rig.core.request.book.title == "x"
    assert rig.core.request.book.author.home_town == "y"
    assert rig.core.request.book.book_id == "7"
