"""A program that gets itself tokens."""

import asyncio
import time

import grpc
import pytest

from limen.apikeys.v1.apikeys_pb2 import IssueTokenResponse
from limen.client import Unauthenticated, Unavailable, connect
from limen.users.v1.users_pb2 import GetUserRequest

ME = GetUserRequest(user_id="me")


class Office:
    """Issues tokens t-1, t-2, … that live for `life` seconds of a clock that tests set."""

    def __init__(self, life: float = 600) -> None:
        self.now = time.time()
        self.life = life
        self.issued = 0

    def clock(self) -> float:
        return self.now

    async def issue(self, _request, _context) -> IssueTokenResponse:
        self.issued += 1
        answer = IssueTokenResponse(access_token=f"t-{self.issued}")
        answer.expire_time.FromMilliseconds(int((self.now + self.life) * 1000))
        return answer


@pytest.fixture
def office(backend) -> Office:
    office = Office()
    backend.script("IssueToken", office.issue)
    return office


@pytest.fixture
async def machine(backend, office):
    async with connect(backend.address, clock=office.clock) as limen:
        yield limen.service_account("the-id", "the-secret")


def shown(backend) -> list[str]:
    return [call.headers["authorization"] for call in backend.calls_of("GetUser")]


async def test_shows_its_secret_for_a_token_and_the_token_for_everything_else(
    backend, office, machine
):
    await asyncio.gather(*(machine.users.GetUser(ME) for _ in range(20)))
    (asked,) = backend.calls_of("IssueToken")
    assert (asked.request.client_id, asked.request.client_secret) == ("the-id", "the-secret")
    assert "authorization" not in asked.headers
    assert set(shown(backend)) == {"Bearer t-1"}
    assert office.issued == 1


async def test_replaces_a_token_before_it_expires(backend, office, machine):
    for later in (0, 569, 1, 600):
        office.now += later
        await machine.users.GetUser(ME)
    assert shown(backend) == [f"Bearer t-{number}" for number in (1, 1, 2, 3)]


async def test_replaces_a_token_that_is_refused(backend, office, machine, refuse):
    await machine.users.GetUser(ME)
    refusal = refuse(grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID", times=1)
    backend.script("GetUser", refusal)
    await machine.users.GetUser(ME)
    assert shown(backend) == ["Bearer t-1", "Bearer t-1", "Bearer t-2"]
    assert office.issued == 2


async def test_with_limen_away_a_token_is_used_for_as_long_as_it_lives(
    backend, office, machine, refuse
):
    await machine.users.GetUser(ME)
    backend.script("IssueToken", refuse(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"))
    office.now += 599
    await machine.users.GetUser(ME)
    assert shown(backend) == ["Bearer t-1"] * 2
    office.now += 1
    with pytest.raises(Unavailable):
        await machine.users.GetUser(ME)


async def test_a_wrong_secret_shows_with_the_first_call(backend, refuse):
    backend.script("IssueToken", refuse(grpc.StatusCode.UNAUTHENTICATED, "SIGN_IN_FAILED"))
    async with connect(backend.address) as limen:
        with pytest.raises(Unauthenticated) as caught:
            await limen.service_account("the-id", "wrong").users.GetUser(ME)
    assert caught.value.reason == "SIGN_IN_FAILED"
    assert not backend.calls_of("GetUser")


async def test_a_clock_that_is_fast_does_not_ask_before_every_call(office, machine):
    office.life = -100
    for _ in range(3):
        await machine.users.GetUser(ME)
    assert office.issued == 1
