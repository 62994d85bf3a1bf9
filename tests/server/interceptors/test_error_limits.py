"""However much is wrong with a request, its refusal arrives."""

import pytest

from limen.users.v1 import users_pb2
from server import errors
from server.interceptors.errors import status_of
from tests.server.running_core import refused


async def test_a_thousand_faults_do_not_break_the_answer(core):
    paths = [f"unknown_{number}_{'x' * 80}" for number in range(1000)]
    request = users_pb2.UpdateUserRequest(
        user=users_pb2.User(user_id="me", display_name="Ada"), update_mask={"paths": paths}
    )

    answer = await refused(core.users.UpdateUser(request, metadata=await core.bearer()))

    assert answer.reason == "INVALID_REQUEST"
    assert next(iter(answer.faults)).startswith("update_mask")


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    "fault",
    [
        errors.Fault("f", "mask.unknown", {"name": "x" * 100_000}),
        errors.Fault("f" * 100_000, "mask.unknown", {"name": "ü" * 300}),
        errors.Fault("f", "string.min_len", {"min_len": "3"}),
    ],
    ids=["parameter", "field", "short"],
)
def test_details_stay_far_from_the_limit_of_clients(fault, language):
    refusal = errors.InvalidRequest(faults=[fault] * 1000)

    status = status_of(refusal, language, "r" * 128)

    assert status.ByteSize() < 6 * 1024
    assert str(status).count(fault.rule) > 0
