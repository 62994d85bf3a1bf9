import pytest

from edge.caching import Revalidated
from tests.edge.asgi import answering, ask, scope_of

JSON = (b"content-type", b"application/json")


def kept(*parts, **settings):
    return Revalidated(answering(*parts, **settings), cache_control="public, max-age=300")


async def test_an_answer_may_be_kept_and_has_a_tag():
    reply = await ask(kept(b'{"keys":', b"[]}"), scope_of())
    assert reply.body == b'{"keys":[]}'
    assert reply[b"cache-control"] == b"public, max-age=300"
    assert reply[b"etag"].startswith(b'"')
    other = await ask(kept(b"{}"), scope_of())
    assert other[b"etag"] != reply[b"etag"]


async def test_an_answer_for_all_holds_nothing_of_one():
    own = [JSON, (b"set-cookie", b"a=b"), (b"x-csrf-token", b"x"), (b"cache-control", b"no-store")]
    reply = await ask(kept(headers=own), scope_of())
    assert reply.all(b"set-cookie") == reply.all(b"x-csrf-token") == []
    assert reply[b"cache-control"] == b"public, max-age=300"


@pytest.mark.parametrize("form", [b"%s", b"W/%s", b'"other", %s', b"*"])
async def test_who_has_it_is_spared_it(form):
    tag = (await ask(kept(), scope_of()))[b"etag"]
    named = form % tag if b"%s" in form else form
    reply = await ask(kept(), scope_of("/", (b"if-none-match", named)))
    assert (reply.status, reply.body) == (304, b"")
    assert reply[b"etag"] == tag
    assert reply.all(b"content-type") == []


async def test_who_has_another_gets_this_one():
    reply = await ask(kept(), scope_of("/", (b"if-none-match", b'"other", "abc"')))
    assert reply.status == 200


async def test_failures_are_not_kept():
    reply = await ask(kept(status=503), scope_of("/", (b"if-none-match", b"*")))
    assert reply.status == 503
    assert reply.all(b"cache-control") == reply.all(b"etag") == []


async def test_head_has_the_tag_of_get():
    get, head = await ask(kept(), scope_of()), await ask(kept(), scope_of(method="HEAD"))
    assert head.headers == get.headers
    assert head.body == b""
