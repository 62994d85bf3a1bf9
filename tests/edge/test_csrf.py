import itertools
from contextlib import suppress

import pytest

from edge.cookies import csrf_token
from edge.csrf import CsrfProtection
from edge.origins import Origins
from edge.transcoding.fault import Fault

OWN = b"https://id.example"
LISTED = b"https://app.example"
FOREIGN = b"https://evil.example"
SESSION = (b"cookie", b"__Host-limen_session=credential")
BEARER = (b"authorization", b"Bearer x")
TOKEN = (b"x-csrf-token", csrf_token("credential").encode())
HOST = (b"host", b"localhost:8080")


def origin(value):
    return (b"origin", value)


def fetched_from(value):
    return (b"sec-fetch-site", value)


async def passes(*headers, method="POST", **settings):
    reached = []

    async def app(scope, _receive, _send):
        reached.append(scope)

    guard = CsrfProtection(app, origins=Origins.of(OWN.decode(), [LISTED.decode()], **settings))
    with suppress(Fault):
        await guard({"type": "http", "method": method, "headers": [HOST, *headers]}, None, None)
    return bool(reached)


async def test_a_refusal_names_its_reason():
    guard = CsrfProtection(None, origins=Origins.of(OWN.decode(), ()))
    with pytest.raises(Fault) as refused:
        await guard({"type": "http", "method": "POST", "headers": [SESSION]}, None, None)
    assert (refused.value.status, refused.value.reason) == (403, "CSRF_REJECTED")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_safe_methods_pass_from_anywhere(method):
    assert await passes(SESSION, origin(FOREIGN), fetched_from(b"cross-site"), method=method)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "FROB", "post"])
async def test_all_other_methods_are_checked(method):
    assert not await passes(SESSION, method=method)


async def test_a_program_without_a_cookie_passes():
    assert await passes()
    assert await passes(BEARER)


async def test_authorization_passes_and_the_cookie_beside_it_is_not_looked_at():
    assert await passes(BEARER, SESSION, origin(FOREIGN), fetched_from(b"cross-site"))


async def test_the_cookie_needs_its_token():
    assert await passes(SESSION, TOKEN)
    assert not await passes(SESSION)


@pytest.mark.parametrize(
    "token",
    [b"", b"x", csrf_token("other").encode(), TOKEN[1] + b"=", TOKEN[1].lower(), b"\xff" * 43],
)
async def test_no_other_token_will_do(token):
    assert not await passes(SESSION, (b"x-csrf-token", token))


async def test_a_token_given_twice_will_not_do():
    assert not await passes(SESSION, TOKEN, TOKEN)


ORIGINS = {None: True, OWN: True, LISTED: True, FOREIGN: False, b"null": False, b"": True}
SITES = {None: True, b"same-origin": True, b"none": True, b"same-site": False, b"cross-site": False}


@pytest.mark.parametrize(("named", "site"), list(itertools.product(ORIGINS, SITES)))
@pytest.mark.parametrize("signed_in", [False, True])
async def test_the_page_must_be_trusted(named, site, signed_in):
    headers = [origin(named)] if named is not None else []
    headers += [fetched_from(site)] if site is not None else []
    headers += [SESSION, TOKEN] if signed_in else []
    expected = named == LISTED if not SITES[site] else ORIGINS[named]
    assert await passes(*headers) is expected


@pytest.mark.parametrize(
    "value",
    [
        b"https://id.example.evil.example",
        b"https://id.example:8443",
        b"http://id.example",
        b"https://id.example/",
        b"https://ID.example",
        OWN + b", " + OWN,
    ],
)
async def test_what_looks_like_our_origin_is_foreign(value):
    assert not await passes(origin(value))


async def test_the_host_that_was_asked_for_counts_in_development_alone():
    named = origin(b"http://localhost:8080")
    assert not await passes(named)
    assert await passes(named, any_host_of_ours=True)
    assert not await passes(origin(b"http://localhost:9999"), any_host_of_ours=True)
    assert not await passes(origin(b"https://localhost:8080"), any_host_of_ours=True)
