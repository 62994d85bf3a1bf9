"""The guards before ASGI applications and routes of FastAPI, with a fake limen behind them."""

import json

import httpx
import pytest
from fastapi import Depends, FastAPI

from limen.client.verifier import AsgiGuard, Requirement, current
from limen.client.verifier.fastapi import Caller


@pytest.fixture
async def verifier(limen):
    async with limen.verifier() as verifier:
        yield verifier


def name():
    claims = current.get(None)
    return claims.user_id if claims else "nobody"


def bearer(token):
    return ("authorization", f"Bearer {token}")


async def show(scope, _receive, send):
    body = json.dumps({"user": name(), "state": scope["state"]["limen"].user_id}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def web(app):
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


async def test_asgi_lets_in_whom_limen_knows(limen, ada, verifier):
    token = limen.sign_in(ada).access_token
    for given in (verifier, lambda _scope: verifier):
        async with web(AsgiGuard(show, given)) as client:
            answer = await client.get("/", headers=dict([bearer(token)]))
        assert answer.json() == {"user": ada.user_id, "state": ada.user_id}
    assert name() == "nobody"


async def test_asgi_refuses_with_a_problem_and_a_challenge(limen, ada, verifier):
    app = AsgiGuard(show, verifier, requirement=Requirement(scopes={"no.body"}))
    token = limen.sign_in(ada).access_token
    async with web(app) as client:
        nothing = await client.get("/")
        forged = await client.get("/", headers=[bearer(token[:-1])])
        twice = await client.get("/", headers=[bearer(token), bearer(token)])
        denied = await client.get("/", headers=[bearer(token)])
    assert [each.status_code for each in (nothing, forged, twice, denied)] == [401, 401, 401, 403]
    for each in (nothing, forged, twice, denied):
        assert each.headers["content-type"] == "application/problem+json"
        assert each.headers["cache-control"] == "no-store"
        assert each.json()["status"] == each.status_code
    assert nothing.headers["www-authenticate"] == 'Bearer realm="limen"'
    assert forged.headers["www-authenticate"] == 'Bearer realm="limen", error="invalid_token"'
    assert 'error="insufficient_scope", scope="no.body"' in denied.headers["www-authenticate"]
    assert denied.json()["reason"] == "PERMISSION_DENIED"
    assert denied.json()["metadata"] == {"permission": "no.body"}


async def test_asgi_asks_for_a_better_proof(limen, ada, verifier):
    token = limen.sign_in(ada, proof_age=400).access_token
    for requirement, asked in (
        (Requirement(max_proof_age=300), 'max_age="300"'),
        (Requirement(two_factors=True), 'acr_values="aal2"'),
    ):
        async with web(AsgiGuard(show, verifier, requirement=requirement)) as client:
            answer = await client.get("/", headers=[bearer(token)])
        assert answer.status_code == 401
        challenge = answer.headers["www-authenticate"]
        assert f'error="insufficient_user_authentication", {asked}' in challenge


async def test_asgi_answers_503_when_nobody_can_say(limen, ada, monotonic):
    async with limen.verifier(monotonic=monotonic, when_stale="refuse") as verifier:
        limen.fall_silent()
        monotonic.seconds += 11
        async with web(AsgiGuard(show, verifier)) as client:
            headers = [bearer(limen.sign_in(ada).access_token)]
            answer = await client.get("/", headers=headers)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


async def test_asgi_leaves_open_what_is_open_and_nothing_beside_it(verifier):
    async def hello(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

    async with web(AsgiGuard(hello, verifier, open_paths=["/health"])) as client:
        assert (await client.get("/health")).text == "hello"
        for path in ("/health/", "/Health", "/health/../private", "//health"):
            assert (await client.get(path)).status_code == 401


async def test_a_bound_token_needs_a_way_to_know_the_certificate(limen, ada, verifier):
    token = limen.sign_in(ada, certificate="c" * 43).access_token
    plain = limen.sign_in(ada).access_token
    for certificate_of, status in (
        (None, 401),
        (lambda _scope: None, 401),
        (lambda _scope: "d" * 43, 401),
        (lambda _scope: "c" * 43, 200),
    ):
        async with web(AsgiGuard(show, verifier, certificate=certificate_of)) as client:
            assert (await client.get("/", headers=[bearer(token)])).status_code == status
            assert (await client.get("/", headers=[bearer(plain)])).status_code == 200
        app = FastAPI()
        app.state.verifier = verifier
        app.get("/")(_greeting(Caller(certificate=certificate_of)))
        async with web(app) as client:
            assert (await client.get("/", headers=[bearer(token)])).status_code == status
            assert (await client.get("/", headers=[bearer(plain)])).status_code == 200


def _greeting(caller):
    async def greet(claims=Depends(caller)) -> dict[str, str]:  # noqa: B008 - how FastAPI is used
        return {"user": claims.user_id, "current": name()}

    return greet


async def test_a_websocket_is_closed_before_it_opens(limen, ada, verifier):
    async def accept(_scope, receive, send):
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept", "name": name()})

    async def connecting(*headers):
        sent = []
        scope = {
            "type": "websocket",
            "path": "/",
            "headers": [(key.encode(), value.encode()) for key, value in headers],
        }

        async def receive():
            return {"type": "websocket.connect"}

        async def send(message):
            sent.append(message)

        await AsgiGuard(accept, verifier)(scope, receive, send)
        return sent

    token = limen.sign_in(ada).access_token
    assert await connecting(bearer(token)) == [{"type": "websocket.accept", "name": ada.user_id}]
    assert await connecting() == [{"type": "websocket.close", "code": 1008}]


async def test_the_life_of_the_application_is_none_of_the_guards_business(verifier):
    seen = []

    async def app(scope, _receive, _send):
        seen.append(scope["type"])

    await AsgiGuard(app, verifier)({"type": "lifespan"}, None, None)
    assert seen == ["lifespan"]


async def test_a_route_of_fastapi_gets_its_caller_or_refuses(limen, ada, verifier):
    app = FastAPI()
    app.state.verifier = verifier
    app.get("/")(_greeting(Caller()))
    app.get("/users")(_greeting(Caller(Requirement(scopes={"users.delete"}))))
    token = limen.sign_in(ada).access_token
    async with web(app) as client:
        assert (await client.get("/", headers=[bearer(token)])).json() == {
            "user": ada.user_id,
            "current": ada.user_id,
        }
        nothing = await client.get("/")
        denied = await client.get("/users", headers=[bearer(token)])
        described = (await client.get("/openapi.json")).json()
    assert nothing.status_code == 401
    assert nothing.headers["www-authenticate"] == 'Bearer realm="limen"'
    assert nothing.json()["detail"]["reason"] == "UNAUTHENTICATED"
    assert denied.status_code == 403
    assert denied.json()["detail"]["metadata"] == {"permission": "users.delete"}
    assert described["components"]["securitySchemes"]["limen"]["scheme"] == "bearer"
    assert described["paths"]["/"]["get"]["security"] == [{"limen": []}]
