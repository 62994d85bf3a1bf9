from edge.secure_headers import SecureHeaders
from tests.edge.asgi import answering, ask, scope_of

HTML = [(b"content-type", b"text/html; charset=utf-8")]


async def secured(headers=None, *, https=True):
    return await ask(SecureHeaders(answering(headers=headers), https=https), scope_of())


async def test_data_may_load_nothing():
    reply = await secured()
    assert reply[b"content-security-policy"].startswith(b"default-src 'none';")
    assert b"'self'" not in reply[b"content-security-policy"]
    assert reply[b"x-content-type-options"] == b"nosniff"
    assert reply[b"referrer-policy"] == b"no-referrer"
    assert reply[b"cross-origin-opener-policy"] == b"same-origin"
    assert reply[b"cross-origin-resource-policy"] == b"same-origin"
    assert b"camera=()" in reply[b"permissions-policy"]
    assert reply[b"cache-control"] == b"no-store"


async def test_pages_may_load_their_own_files_and_nothing_inline():
    policy = (await secured(HTML))[b"content-security-policy"]
    assert b"script-src 'self'" in policy
    assert b"frame-ancestors 'none'" in policy
    assert b"unsafe" not in policy


async def test_what_the_answer_says_itself_stands():
    own = [(b"content-security-policy", b"default-src x"), (b"cache-control", b"public")]
    reply = await secured([*HTML, *own])
    assert reply[b"content-security-policy"] == b"default-src x"
    assert reply[b"cache-control"] == b"public"


async def test_only_https_is_made_to_last():
    assert (await secured())[b"strict-transport-security"] == b"max-age=31536000"
    assert (await secured(https=False)).all(b"strict-transport-security") == []


async def test_an_answer_without_headers_is_secured_too():
    assert (await secured([]))[b"x-content-type-options"] == b"nosniff"
