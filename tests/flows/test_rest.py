"""The way of a person over REST: sign up, confirm, sign in, be seen, sign out, come back."""

import json
import re
from uuid import uuid4

import httpx
import pytest

PASSWORD = "three boats at dawn"


@pytest.fixture
def api(limen):
    with httpx.Client(base_url=limen.rest_url, timeout=30) as client:
        yield client


@pytest.fixture
def admin(api, limen):
    return bearer(sign_in(api, limen.admin_email, limen.admin_password))


def fresh_email():
    return f"ada-{uuid4().hex}@example.org"


def bearer(tokens):
    return {"authorization": f"Bearer {tokens['accessToken']}"}


def sign_in(api, email, password=PASSWORD):
    answer = api.post("/v1/auth/sign-in", json={"email": email, "password": password})
    return answer.raise_for_status().json()["tokens"]


def mailed_token(limen, email, after=0):
    mail = limen.wait_for_mail(email, after=after)
    return re.search(r"[?]token=([\w-]+)", mail["text"])[1]


def sign_up(api, limen, email):
    answer = api.post(
        "/v1/auth/sign-up", json={"email": email, "password": PASSWORD, "displayName": "Ada"}
    )
    assert answer.raise_for_status().json() == {}
    token = mailed_token(limen, email)
    api.post("/v1/auth/email:verify", json={"token": token}).raise_for_status()


def test_a_person_comes_and_goes(api, limen, admin):
    email = fresh_email()
    sign_up(api, limen, email)
    here = bearer(sign_in(api, email))

    me = api.get("/v1/users/me", headers=here).json()
    assert (me["email"], me["displayName"], me["emailVerified"]) == (email, "Ada", True)

    seen = api.get(
        "/v1/audit/events", headers=admin, params={"filter": f'subject.id = "{me["userId"]}"'}
    ).json()["events"]
    assert [event["action"] for event in reversed(seen)] == [
        "auth.sign_up",
        "auth.verify_email",
        "auth.sign_in",
    ]

    assert api.post("/v1/auth/sign-out", headers=here).raise_for_status().json() == {}
    gone = api.get("/v1/users/me", headers=here)
    assert gone.status_code == 401
    assert gone.json()["reason"] == "CREDENTIAL_INVALID"
    assert gone.json()["instance"] == gone.headers["x-request-id"]


def test_a_forgotten_password_is_set_anew_by_mail(api, limen):
    email = fresh_email()
    sign_up(api, limen, email)
    before = bearer(sign_in(api, email))

    api.post("/v1/auth/password:requestReset", json={"email": email}).raise_for_status()
    token = mailed_token(limen, email, after=1)
    reset = {"token": token, "newPassword": "four boats at dusk"}
    api.post("/v1/auth/password:reset", json=reset).raise_for_status()

    assert api.get("/v1/users/me", headers=before).status_code == 401
    assert api.post("/v1/auth/password:reset", json=reset).json()["reason"] == "TOKEN_INVALID"
    assert sign_in(api, email, "four boats at dusk")
    assert limen.wait_for_mail(email, after=2)["subject"]


def test_tokens_are_renewed_and_reuse_is_noticed(api, limen):
    email = fresh_email()
    sign_up(api, limen, email)
    first = sign_in(api, email)

    def refresh(tokens):
        return api.post("/v1/auth/refresh", json={"refreshToken": tokens["refreshToken"]})

    second = refresh(first).raise_for_status().json()["tokens"]
    third = refresh(second).raise_for_status().json()["tokens"]
    reused = refresh(first)

    assert reused.json()["reason"] == "REFRESH_TOKEN_REUSED"
    assert api.get("/v1/users/me", headers=bearer(third)).status_code == 401


def test_a_changed_password_ends_the_other_sessions(api, limen):
    email = fresh_email()
    sign_up(api, limen, email)
    here, there = bearer(sign_in(api, email)), bearer(sign_in(api, email))

    api.post(
        "/v1/auth/password:change",
        headers=here,
        json={"currentPassword": PASSWORD, "newPassword": "five boats at noon"},
    ).raise_for_status()

    sessions = api.get("/v1/auth/sessions", headers=here).json()["sessions"]
    assert [session["current"] for session in sessions] == [True]
    assert api.get("/v1/users/me", headers=there).status_code == 401


@pytest.mark.parametrize("accept", ["application/x-ndjson", "text/event-stream"])
def test_the_log_is_followed_as_it_grows(api, admin, accept):
    api.post("/v1/auth/sign-in", json={"email": "nobody@example.org", "password": "x"})
    with api.stream(
        "GET", "/v1/audit/events:watch?firstIndex=0", headers=admin | {"accept": accept}
    ) as stream:
        assert stream.headers["content-type"].startswith(accept)
        lines = (line.removeprefix("data:") for line in stream.iter_lines() if line)
        events = [json.loads(next(lines)) for _ in range(3)]

    assert [event["index"] for event in events] == ["0", "1", "2"]


def test_refusals_speak_the_language_of_the_caller(api):
    answers = {
        language: api.get("/v1/users/me", headers={"accept-language": language}).json()
        for language in ("en", "de", "fr", "es", "pt-BR", "ja")
    }

    assert len({answer["detail"] for answer in answers.values()}) == 6
    assert {answer["reason"] for answer in answers.values()} == {"UNAUTHENTICATED"}


def test_keys_are_published_for_others_to_verify_with(api):
    answer = api.get("/.well-known/jwks.json").raise_for_status()

    assert {key["kty"] for key in answer.json()["keys"]} == {"OKP"}
    assert "max-age" in answer.headers["cache-control"]
    known = {"if-none-match": answer.headers["etag"]}
    assert api.get("/.well-known/jwks.json", headers=known).status_code == 304


def test_the_reference_describes_every_route(api):
    document = api.get("/openapi.json").raise_for_status().json()

    assert document["openapi"].startswith("3.1")
    assert "/v1/auth/sign-in" in document["paths"]
    assert api.get("/docs").raise_for_status().headers["content-type"].startswith("text/html")
