"""RPCs whose rules the server checks itself, because something else comes first there."""

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOO_LONG = {"title": "x" * 21}


async def test_what_breaks_a_rule_reaches_the_server(make_rig, library) -> None:
    async with make_rig(library, "library.v1.Library", validated=()) as rig:
        rig.transcoder.warm()
        answer = await rig.http.patch("/v1/books/7", json=TOO_LONG)
        assert answer.status_code == 200, answer.text
        assert rig.core.request.book.title == TOO_LONG["title"]


async def test_so_does_a_mask_that_leads_nowhere(make_rig, library) -> None:
    async with make_rig(library, "library.v1.Library", validated=()) as rig:
        answer = await rig.http.patch("/v1/books/7?updateMask=nothing", json={})
        assert answer.status_code == 200, answer.text
        assert list(rig.core.request.update_mask.paths) == ["nothing"]


async def test_what_is_no_request_does_not(make_rig, library, faults) -> None:
    async with make_rig(library, "library.v1.Library", validated=()) as rig:
        assert faults(await rig.http.patch("/v1/books/7", json={"title": 1}))
        assert faults(await rig.http.patch("/v1/books/7", json={"nothing": 1}))
        assert faults(await rig.http.patch("/v1/books/7?nothing=1", json={}))
        assert rig.core.calls == []


@pytest.mark.parametrize("validated", [None, ("library.v1.Library.UpdateBook",)])
async def test_all_others_are_held_to_the_rules(make_rig, library, faults, validated) -> None:
    async with make_rig(library, "library.v1.Library", validated=validated) as rig:
        fault = await rig.http.patch("/v1/books/7", json=TOO_LONG)
        assert faults(fault) == [("book.title", "string.max_len")]
        fault = await rig.http.patch("/v1/books/7?updateMask=nothing", json={})
        assert faults(fault) == [("updateMask", "mask.unknown")]
