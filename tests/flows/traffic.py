"""A steady stream of requests, and a note of how each was answered."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import httpx

from tests.eventually import eventually
from tests.flows.people import PASSWORD
from tests.system import System

_PAUSE_SECONDS = 0.03


@dataclass(frozen=True)
class Answer:
    """How one request was answered. Status 0 means not at all."""

    kind: str
    status: int
    reason: str = ""
    retry_after: str | None = None


class Traffic:
    """Three callers who go on whatever happens: one looks at themselves, one signs in, one up."""

    def __init__(self, system: System, *, email: str, headers: dict[str, str]) -> None:
        self.answers: list[Answer] = []
        self.signed_up: list[str] = []
        """The addresses whose sign-up was answered with success."""
        self._system = system
        self._email = email
        self._headers = headers
        self._stopping = threading.Event()
        self._callers = [
            threading.Thread(target=self._go_on, args=each)
            for each in (("me", self._me), ("sign-in", self._sign_in), ("sign-up", self._sign_up))
        ]

    def start(self) -> None:
        """Begins, and returns once every caller is answered with success."""
        for caller in self._callers:
            caller.start()
        self.flows()

    def stop(self) -> None:
        """Returns when every caller has stopped."""
        self._stopping.set()
        for caller in self._callers:
            caller.join()

    def flows(self) -> None:
        """Returns once every caller has been answered with success several times from now on."""
        self._wait_for(lambda answer: answer.status == 200, times=3)

    def fails(self) -> None:
        """Returns once every caller has been refused at least once from now on."""
        self._wait_for(lambda answer: answer.status != 200, times=1)

    def refusals(self) -> set[Answer]:
        """All that was not a success."""
        return {answer for answer in self.answers if answer.status != 200}

    def _wait_for(self, wanted: Callable[[Answer], bool], *, times: int) -> None:
        begin = len(self.answers)

        def enough() -> bool:
            kinds = [answer.kind for answer in self.answers[begin:] if wanted(answer)]
            return all(kinds.count(kind) >= times for kind in ("me", "sign-in", "sign-up"))

        eventually(enough, within=30)

    def _go_on(self, kind: str, call: Callable[[httpx.Client], httpx.Response]) -> None:
        with httpx.Client(base_url=self._system.rest_url, timeout=30) as rest:
            while not self._stopping.wait(_PAUSE_SECONDS):
                try:
                    self.answers.append(_answer(kind, call(rest)))
                except httpx.HTTPError as error:
                    self.answers.append(Answer(kind, 0, type(error).__name__))

    def _me(self, rest: httpx.Client) -> httpx.Response:
        return rest.get("/v1/users/me", headers=self._headers)

    def _sign_in(self, rest: httpx.Client) -> httpx.Response:
        return rest.post("/v1/auth/sign-in", json={"email": self._email, "password": PASSWORD})

    def _sign_up(self, rest: httpx.Client) -> httpx.Response:
        email = f"{uuid4().hex}@example.org"
        answer = rest.post("/v1/auth/sign-up", json={"email": email, "password": PASSWORD})
        if answer.is_success:
            self.signed_up.append(email)
        return answer


def _answer(kind: str, response: httpx.Response) -> Answer:
    if response.is_success:
        return Answer(kind, response.status_code)
    return Answer(
        kind, response.status_code, response.json()["reason"], response.headers.get("retry-after")
    )
