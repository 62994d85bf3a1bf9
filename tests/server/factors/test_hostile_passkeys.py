"""Answers that no browser would give: refused, written down, and without any effect."""

import grpc
import pytest
import pytest_asyncio
from google.protobuf.json_format import MessageToDict

from tests.server.factors.authenticator import USER_PRESENT, USER_VERIFIED, Authenticator
from tests.server.factors.passkey_owner import (
    begin_sign_in,
    finish_sign_in,
    newcomer,
    passkey_row,
    show,
)
from tests.server.running_core import refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = {
    "nothing": {},
    "an empty response": {"id": "a", "rawId": "a", "type": "public-key", "response": {}},
    "numbers": {"id": 1, "rawId": 2.5, "type": float("nan"), "response": float("inf")},
    "lists": {"id": [], "rawId": [[]], "type": [None], "response": [{}]},
    "a deep one": {"id": "a", "response": [[[[[[[[[[{"a": [[[[]]]]}]]]]]]]]]]},
    "no base64": {"rawId": "ä", "response": {"clientDataJSON": "\u0000", "signature": "=="}},
    "a long one": {"id": "A" * 20_000, "rawId": "A" * 20_000},
    "a huge one": {"response": {"clientDataJSON": "A" * 1_000_000}},
    "a crowd": {f"member {number}": True for number in range(5_000)},
}


@pytest_asyncio.fixture(loop_scope="module")
async def ada(core):
    return await newcomer(core)


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_answers_change_nothing(core, ada, hostile):
    authenticator = await ada.add()
    registration, sign_in = await ada.begin(), await begin_sign_in(core)
    good = authenticator.show(MessageToDict(sign_in.options))
    mixed = good | hostile

    answers = [
        await refused(ada.finish(registration, hostile)),
        await refused(finish_sign_in(core, sign_in, mixed if mixed != good else hostile)),
    ]

    assert {answer.reason for answer in answers} == {"FACTOR_REJECTED"}
    assert {answer.code for answer in answers} == {grpc.StatusCode.UNAUTHENTICATED}
    assert len((await ada.factors()).factors) == 1
    assert (await passkey_row(core, authenticator)).last_use_time is None


FAULTS = {
    "origin": {"origin": "http://localhost:8081"},
    "domain": {"domain": "127.0.0.1"},
    "present": {"flags": USER_VERIFIED},
    "verified": {"flags": USER_PRESENT},
    "type": {"type": "webauthn.other"},
    "frame": {"cross_origin": True},
    "short": {"auth_data": b"short"},
    "signature": {"signature": b""},
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
async def test_one_fault_is_enough(core, ada, faults):
    begun = await ada.begin()
    if "signature" not in faults:
        answer = Authenticator().make(MessageToDict(begun.options), **faults)
        assert (await refused(ada.finish(begun, answer))).reason == "FACTOR_REJECTED"
    authenticator = await ada.add()

    assert (await refused(show(core, authenticator, **faults))).reason == "FACTOR_REJECTED"
    events = await core.events(action="auth.passkey_sign_in", subject_id=str(ada.user_id))
    assert [event.outcome for event in events] == ["failure"]
