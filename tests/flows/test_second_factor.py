"""A second factor over plain HTTP, with an authenticator app of somebody else's making."""

import base64
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from tests.flows.people import Person, SignedIn, answered, reason
from tests.system import System

SESSION = "__Host-limen_session"


class App:
    """Reads the QR code and shows codes, each of them once."""

    def __init__(self, link: str) -> None:
        query = parse_qs(urlsplit(link).query)
        self._period = int(query["period"][0])
        secret = base64.b32decode(query["secret"][0])
        self._totp = TOTP(secret, int(query["digits"][0]), SHA1(), self._period)  # noqa: S303 - RFC 6238
        self._next = time.time()

    def code(self) -> str:
        """The code of this time step, then that of the next one, which counts already."""
        code = self._totp.generate(self._next).decode()
        self._next += self._period
        return code


@pytest.fixture
def rest(limen: System) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=limen.rest_url, timeout=30) as client:
        yield client


@pytest.fixture
def ada(limen: System, rest: httpx.Client) -> Person:
    person = Person(limen)
    person.join(rest)
    return person


def challenge(rest: httpx.Client, person: Person, **more: str) -> dict[str, Any]:
    """What the right password is answered with."""
    body = {"email": person.email, "password": person.password} | more
    answer = rest.post("/v1/auth/sign-in", json=body)
    assert "set-cookie" not in answer.headers
    assert set(answered(answer)) == {"challenge"}
    asked: dict[str, Any] = answer.json()["challenge"]
    return asked


def add_app(rest: httpx.Client, session: SignedIn) -> tuple[App, str, list[str]]:
    """A confirmed app, its id, and the recovery codes that came with it."""
    body = {"displayName": "phone"}
    enrolled = answered(rest.post("/v1/factors/totp", json=body, headers=session.headers))
    app = App(enrolled["otpauthUri"])
    body = {"factorId": enrolled["factorId"], "code": app.code()}
    confirmed = answered(rest.post("/v1/factors/totp:confirm", json=body, headers=session.headers))
    return app, enrolled["factorId"], confirmed["recoveryCodes"]


def test_from_the_first_factor_to_the_last(limen: System, rest: httpx.Client, ada: Person) -> None:
    before, mails = ada.sign_in(rest), len(limen.mail(ada.email))
    session = ada.sign_in(rest)
    app, factor_id, codes = add_app(rest, session)
    limen.wait_for_mail(ada.email, after=mails)
    listed = answered(rest.get("/v1/factors", headers=session.headers))
    assert [(each["kind"], each["displayName"]) for each in listed["factors"]] == [
        ("FACTOR_KIND_TOTP", "phone")
    ]
    assert listed["recoveryCodesLeft"] == len(codes) == 10

    asked = challenge(rest, ada)
    assert set(asked["factors"]) == {"SECOND_FACTOR_TOTP", "SECOND_FACTOR_RECOVERY_CODE"}
    token = {"authorization": f"Bearer {asked['challengeToken']}"}
    assert reason(rest.get("/v1/users/me", headers=token)) == (401, "CREDENTIAL_INVALID")
    proof = {"challengeToken": asked["challengeToken"], "totpCode": app.code()}
    session = SignedIn(answered(rest.post("/v1/auth/sign-in:verify", json=proof)))
    assert answered(rest.get("/v1/users/me", headers=session.headers))["email"] == ada.email
    used = rest.post("/v1/auth/sign-in:verify", json=proof)
    assert reason(used) == (401, "CHALLENGE_INVALID")

    # A session that has shown no factor can step up to one, in one call.
    path = f"/v1/factors/{factor_id}"
    assert reason(rest.delete(path, headers=before.headers)) == (401, "ASSURANCE_TOO_LOW")
    body = {"password": ada.password, "recoveryCode": codes[0].lower()}
    stepped_up = rest.post("/v1/auth/reauthenticate", json=body, headers=before.headers)
    renewed = SignedIn(answered(stepped_up))
    assert reason(rest.get("/v1/users/me", headers=before.headers)) == (401, "CREDENTIAL_INVALID")
    answered(rest.delete(path, headers=renewed.headers))
    limen.wait_for_mail(ada.email, after=mails + 1)
    ada.sign_in(rest)


def test_a_browser_gets_its_cookie_after_the_second_step(rest: httpx.Client, ada: Person) -> None:
    app, _, _ = add_app(rest, ada.sign_in(rest))

    asked = challenge(rest, ada, delivery="CREDENTIAL_DELIVERY_COOKIE")
    proof = {"challengeToken": asked["challengeToken"], "totpCode": app.code()}
    answer = rest.post("/v1/auth/sign-in:verify", json=proof)

    assert "tokens" not in answered(answer)
    (cookie,) = (
        each.partition(";")[0]
        for each in answer.headers.get_list("set-cookie")
        if each.startswith(f"{SESSION}=")
    )
    me = rest.get("/v1/users/me", headers={"cookie": cookie})
    assert answered(me)["email"] == ada.email


def test_the_codes_of_an_app_are_refused_as_problems(rest: httpx.Client, ada: Person) -> None:
    add_app(rest, ada.sign_in(rest))
    token = challenge(rest, ada)["challengeToken"]

    for proof, refusal in (
        ({"totpCode": "000000"}, (401, "FACTOR_REJECTED")),
        ({"recoveryCode": "0000-0000-0000-0000"}, (401, "FACTOR_REJECTED")),
        ({"totpCode": "12 456"}, (400, "INVALID_REQUEST")),
        ({}, (400, "INVALID_REQUEST")),
        ({"totpCode": "000000", "recoveryCode": "0000"}, (400, "INVALID_REQUEST")),
    ):
        answer = rest.post("/v1/auth/sign-in:verify", json={"challengeToken": token} | proof)
        assert reason(answer) == refusal
