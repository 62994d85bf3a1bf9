import pytest

from edge.cors import CrossOrigin
from edge.origins import Origins
from tests.edge.asgi import answering, ask, scope_of

LISTED = (b"origin", b"https://app.example")
FOREIGN = (b"origin", b"https://evil.example")
OWN = (b"origin", b"https://id.example")
PREFLIGHT = (b"access-control-request-method", b"PATCH")


def shared(*others, status=200):
    origins = Origins.of("https://id.example", others)
    return CrossOrigin(answering(status=status), origins=origins)


def permissions(reply):
    return [name for name, _ in reply.headers if name.startswith(b"access-control-")]


@pytest.mark.parametrize("status", [200, 404, 503])
async def test_a_listed_origin_may_read_every_answer(status):
    reply = await ask(shared("https://app.example", status=status), scope_of("/v1/users", LISTED))
    assert reply[b"access-control-allow-origin"] == b"https://app.example"
    assert reply[b"access-control-allow-credentials"] == b"true"
    assert b"x-csrf-token" in reply[b"access-control-expose-headers"]
    assert reply[b"vary"] == b"origin"


@pytest.mark.parametrize("headers", [(), (FOREIGN,), (OWN,), ((b"origin", b"null"),)])
async def test_nobody_else_is_told_anything(headers):
    reply = await ask(shared("https://app.example"), scope_of("/v1/users", *headers))
    assert permissions(reply) == []
    assert reply[b"vary"] == b"origin", "a cache must not hand this answer to a listed origin"


async def test_the_preflight_of_a_listed_origin_is_answered_here():
    app = shared("https://app.example", status=405)
    reply = await ask(app, scope_of("/v1/users", LISTED, PREFLIGHT, method="OPTIONS"))
    assert (reply.status, reply.body) == (204, b"")
    assert b"PATCH" in reply[b"access-control-allow-methods"]
    assert b"x-csrf-token" in reply[b"access-control-allow-headers"]
    assert int(reply[b"access-control-max-age"]) > 600


async def test_any_other_preflight_is_an_ordinary_request():
    app = shared("https://app.example", status=405)
    reply = await ask(app, scope_of("/v1/users", FOREIGN, PREFLIGHT, method="OPTIONS"))
    assert reply.status == 405
    assert permissions(reply) == []


async def test_options_without_a_preflight_reach_the_app():
    app = shared("https://app.example", status=405)
    assert (await ask(app, scope_of("/v1/users", LISTED, method="OPTIONS"))).status == 405


async def test_without_a_list_nothing_is_added():
    reply = await ask(shared(), scope_of("/v1/users", LISTED, PREFLIGHT))
    assert permissions(reply) == []
    assert reply.all(b"vary") == []
