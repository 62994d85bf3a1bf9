"""limen over plain HTTP, from sign-up to sign-out: the edge, the core, the worker and both servers
as they really run.
"""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.eventually import eventually
from tests.flows.people import Person, SignedIn, administrator, answered, reason
from tests.system import System


@pytest.fixture
def rest(limen: System) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=limen.rest_url, timeout=30) as client:
        yield client


@pytest.fixture
def ada(limen: System, rest: httpx.Client) -> Person:
    """Somebody with a confirmed account."""
    person = Person(limen)
    person.join(rest)
    return person


@pytest.fixture(scope="module")
def auditor(limen: System) -> SignedIn:
    """The administrator, signed in."""
    with httpx.Client(base_url=limen.rest_url, timeout=30) as client:
        return administrator(limen).sign_in(client)


def me(rest: httpx.Client, session: SignedIn) -> httpx.Response:
    return rest.get("/v1/users/me", headers=session.headers)


def test_from_sign_up_to_sign_out(limen: System, rest: httpx.Client, auditor: SignedIn) -> None:
    ada = Person(limen)
    ada.sign_up(rest, locale="de")
    body = {"email": ada.email, "password": ada.password}
    assert reason(rest.post("/v1/auth/sign-in", json=body)) == (401, "SIGN_IN_FAILED")

    ada.confirm(rest)
    session = ada.sign_in(rest)
    assert answered(me(rest, session))["email"] == ada.email
    assert "Bestätige" in limen.mail(ada.email)[0]["subject"]

    events = rest.get(
        "/v1/audit/events",
        params={"filter": f'actor.id = "{session.user_id}"'},
        headers=auditor.headers,
    )
    actions = [event["action"] for event in answered(events)["events"]]
    assert actions == ["auth.sign_in", "auth.verify_email"]

    answered(rest.post("/v1/auth/sign-out", json={}, headers=session.headers))
    assert reason(me(rest, session)) == (401, "CREDENTIAL_INVALID")
    refresh = {"refreshToken": session.refresh_token}
    assert reason(rest.post("/v1/auth/refresh", json=refresh)) == (401, "CREDENTIAL_INVALID")


def test_a_link_works_once(limen: System, rest: httpx.Client) -> None:
    ada = Person(limen)
    ada.sign_up(rest)
    token = {"token": ada.mailed_token()}

    assert rest.post("/v1/auth/email:verify", json=token).is_success
    assert reason(rest.post("/v1/auth/email:verify", json=token)) == (400, "TOKEN_INVALID")


def test_a_forgotten_password_is_set_anew_by_mail(
    limen: System, rest: httpx.Client, ada: Person
) -> None:
    session = ada.sign_in(rest)
    before = len(limen.mail(ada.email))
    answered(rest.post("/v1/auth/password:requestReset", json={"email": ada.email}))
    token, new = ada.mailed_token(after=before), "a green door in winter"

    weak = rest.post("/v1/auth/password:reset", json={"token": token, "newPassword": "password"})
    assert reason(weak) == (400, "PASSWORD_TOO_WEAK")
    reset = {"token": token, "newPassword": new}
    answered(rest.post("/v1/auth/password:reset", json=reset))

    assert reason(me(rest, session))[1] == "CREDENTIAL_INVALID"
    body = {"email": ada.email, "password": ada.password}
    assert reason(rest.post("/v1/auth/sign-in", json=body)) == (401, "SIGN_IN_FAILED")
    assert answered(me(rest, ada.sign_in(rest, new)))["email"] == ada.email
    assert reason(rest.post("/v1/auth/password:reset", json=reset)) == (400, "TOKEN_INVALID")
    limen.wait_for_mail(ada.email, after=before + 1)


def test_resetting_tells_nobody_whether_an_address_is_known(
    rest: httpx.Client, ada: Person
) -> None:
    answers = [
        rest.post("/v1/auth/password:requestReset", json={"email": email})
        for email in (ada.email, "nobody@example.org")
    ]

    assert [answer.json() for answer in answers] == [{}, {}]
    assert len({answer.status_code for answer in answers}) == 1


def test_changing_the_password_ends_the_other_sessions(
    limen: System, rest: httpx.Client, ada: Person
) -> None:
    here, there = ada.sign_in(rest), ada.sign_in(rest)
    before = len(limen.mail(ada.email))
    change = {"currentPassword": ada.password, "newPassword": "a green door in winter"}

    wrong = change | {"currentPassword": "a wrong password"}
    refused = rest.post("/v1/auth/password:change", json=wrong, headers=here.headers)
    assert reason(refused) == (401, "SIGN_IN_FAILED")
    answered(rest.post("/v1/auth/password:change", json=change, headers=here.headers))

    assert me(rest, here).is_success
    assert reason(me(rest, there))[1] == "CREDENTIAL_INVALID"
    assert ada.sign_in(rest, "a green door in winter").user_id == here.user_id
    limen.wait_for_mail(ada.email, after=before)


def test_a_refresh_token_is_traded_once(rest: httpx.Client, ada: Person) -> None:
    first = ada.sign_in(rest)

    def trade(session: SignedIn) -> httpx.Response:
        return rest.post("/v1/auth/refresh", json={"refreshToken": session.refresh_token})

    second = SignedIn(answered(trade(first)))
    third = SignedIn(answered(trade(second)))
    assert me(rest, third).is_success
    assert len({each.refresh_token for each in (first, second, third)}) == 3

    assert reason(trade(first)) == (401, "REFRESH_TOKEN_REUSED")
    assert reason(me(rest, third)) == (401, "CREDENTIAL_INVALID")
    assert reason(trade(third)) == (401, "CREDENTIAL_INVALID")


def test_other_sessions_can_be_ended_one_by_one_and_together(
    rest: httpx.Client, ada: Person
) -> None:
    here, *others = [ada.sign_in(rest) for _ in range(4)]
    listed = answered(rest.get("/v1/auth/sessions", headers=here.headers))["sessions"]
    assert [session["sessionId"] for session in listed if session.get("current")] == [
        here.answer["session"]["sessionId"]
    ]
    assert len(listed) == 4

    one = others[0].answer["session"]["sessionId"]
    answered(rest.delete(f"/v1/auth/sessions/{one}", headers=here.headers))
    ended = answered(rest.post("/v1/auth/sessions:revokeOthers", json={}, headers=here.headers))

    assert ended["revokedCount"] == 2
    assert [me(rest, session).status_code for session in (here, *others)] == [200, 401, 401, 401]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [("application/x-ndjson", "application/x-ndjson"), ("text/event-stream", "text/event-stream")],
)
def test_the_log_can_be_followed(
    rest: httpx.Client, ada: Person, auditor: SignedIn, accept: str, content_type: str
) -> None:
    newest = eventually(lambda: _newest_index(rest, auditor))
    headers = auditor.headers | {"accept": accept}
    params = {"firstIndex": str(newest + 1)}
    with rest.stream("GET", "/v1/audit/events:watch", params=params, headers=headers) as stream:
        assert stream.status_code == 200
        assert stream.headers["content-type"].startswith(content_type)
        session = ada.sign_in(rest)
        followed = (
            json.loads(line.removeprefix("data:"))
            for line in stream.iter_lines()
            if line.startswith(("data:", "{"))
        )
        event = next(event for event in followed if event["actor"].get("id") == session.user_id)

    assert event["action"] == "auth.sign_in"
    assert int(event["index"]) > newest


def _newest_index(rest: httpx.Client, auditor: SignedIn) -> int:
    """The place of the newest event; 0 while it has none."""
    page = rest.get("/v1/audit/events", params={"pageSize": 1}, headers=auditor.headers)
    return int(answered(page)["events"][0].get("index", 0))


def test_nobody_else_can_follow_it(rest: httpx.Client, ada: Person) -> None:
    session = ada.sign_in(rest)

    assert reason(rest.get("/v1/audit/events:watch")) == (401, "UNAUTHENTICATED")
    refused = rest.get("/v1/audit/events:watch", headers=session.headers)
    assert reason(refused) == (403, "PERMISSION_DENIED")


def test_following_ends_with_the_session(rest: httpx.Client, limen: System) -> None:
    session = administrator(limen).sign_in(rest)
    with rest.stream("GET", "/v1/audit/events:watch", headers=session.headers) as stream:
        assert stream.status_code == 200
        answered(rest.post("/v1/auth/sign-out", json={}, headers=session.headers))
        lines = [line for line in stream.iter_lines() if line]

    assert "CREDENTIAL_INVALID" in lines[-1]
    assert '"auth.sign_out"' not in "".join(lines)
