"""People of the tests: they sign up, read their mail and sign in, over REST."""

import re
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.system import System

PASSWORD = "three boats at dawn"


@dataclass
class Person:
    """Somebody with an address of their own, and what they call themselves."""

    system: System
    email: str = field(default_factory=lambda: f"{uuid4().hex}@example.org")
    password: str = PASSWORD

    def sign_up(self, rest: httpx.Client, **more: str) -> None:
        """Asks for an account."""
        body = {"email": self.email, "password": self.password, "displayName": "Ada"} | more
        answered(rest.post("/v1/auth/sign-up", json=body))

    def confirm(self, rest: httpx.Client) -> None:
        """Follows the link of the newest mail."""
        answered(rest.post("/v1/auth/email:verify", json={"token": self.mailed_token()}))

    def join(self, rest: httpx.Client) -> None:
        """Opens a confirmed account."""
        self.sign_up(rest)
        self.confirm(rest)

    def sign_in(self, rest: httpx.Client, password: str = "") -> "SignedIn":
        """Opens a session that presents tokens."""
        body = {"email": self.email, "password": password or self.password}
        return SignedIn(answered(rest.post("/v1/auth/sign-in", json=body)))

    def mailed_link(self, *, after: int = 0) -> str:
        """The link of the newest mail, once more than `after` have come."""
        text = self.system.wait_for_mail(self.email, after=after)["text"]
        found = re.search(r"https?://\S+[?&]token=\S+", text)
        assert found, text
        return found[0]

    def mailed_token(self, *, after: int = 0) -> str:
        """The token of that link."""
        return self.mailed_link(after=after).partition("token=")[2]


@dataclass
class SignedIn:
    """What the answer to a sign-in or a refresh says."""

    answer: dict[str, Any]

    @property
    def access_token(self) -> str:
        """What is presented to the API."""
        return str(self.answer["tokens"]["accessToken"])

    @property
    def refresh_token(self) -> str:
        """What is traded for the next pair."""
        return str(self.answer["tokens"]["refreshToken"])

    @property
    def user_id(self) -> str:
        """Whose session it is."""
        return str(self.answer["user"]["userId"])

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a call within the session."""
        return {"authorization": f"Bearer {self.access_token}"}


def administrator(system: System) -> Person:
    """The first administrator, made at the start."""
    return Person(system, system.admin_email, system.admin_password)


def answered(response: httpx.Response) -> dict[str, Any]:
    """The body of an answer that must be a success."""
    assert response.is_success, f"{response.status_code} {response.text}"
    body: dict[str, Any] = response.json()
    return body


def reason(response: httpx.Response) -> tuple[int, str]:
    """Status and reason of a refusal, which must be a problem (RFC 9457)."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem = response.json()
    assert problem["status"] == response.status_code
    return response.status_code, problem["reason"]
