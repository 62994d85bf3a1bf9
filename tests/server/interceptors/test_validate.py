"""Requests keep the rules of the contract; what does not is named field by field, in the caller's
language.
"""

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message_factory import GetMessageClass

from limen.audit.v1 import audit_pb2
from limen.auth.v1 import auth_pb2
from limen.messages import violations
from limen.users.v1 import users_pb2
from server import app, errors
from server.interceptors.validate import Validate
from tests.server.running_core import PASSWORD, refused
from tests.server.shared_core import core, shared_core

__all__ = ["core", "shared_core"]

VALIDATE = Validate()


async def faults_of(request) -> dict[str, tuple[str, dict[str, str]]]:
    """Rule and limits of each fault, by field."""
    try:
        await VALIDATE.admit(None, request)
    except errors.InvalidRequest as refusal:
        return {fault.field: (fault.rule, dict(fault.params)) for fault in refusal.faults}
    return {}


async def test_what_keeps_the_rules_passes():
    assert await faults_of(auth_pb2.SignUpRequest(email="a@example.com", password=PASSWORD)) == {}
    assert await faults_of(users_pb2.GetUserRequest(user_id="me")) == {}


async def test_every_fault_is_told_at_once():
    request = auth_pb2.SignUpRequest(
        email="nobody", password="short", display_name="a\nb", locale="?"
    )

    assert set(await faults_of(request)) == {"email", "password", "display_name", "locale"}


@pytest.mark.parametrize(
    ("request_", "field", "rule", "params"),
    [
        (
            auth_pb2.SignUpRequest(email="a@example.com", password="short"),
            "password",
            "string.min_len",
            {"min_len": "8"},
        ),
        (
            auth_pb2.SignUpRequest(email="a@example.com", password="x" * 257),
            "password",
            "string.max_len",
            {"max_len": "256"},
        ),
        (
            users_pb2.ListUsersRequest(page_size=201),
            "page_size",
            "int32.gte_lte",
            {"gte": "0", "lte": "200"},
        ),
        (
            users_pb2.ListUsersRequest(page_size=-1),
            "page_size",
            "int32.gte_lte",
            {"gte": "0", "lte": "200"},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_fault_tells_its_limits(request_, field, rule, params):
    assert await faults_of(request_) == {field: (rule, params)}


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (
            users_pb2.UpdateUserRequest(user=users_pb2.User(user_id="me", email="nobody")),
            {"user.email"},
        ),
        (users_pb2.UpdateUserRequest(), {"user"}),
        (
            audit_pb2.RecordEventRequest(
                action="x.a",
                outcome=audit_pb2.OUTCOME_SUCCESS,
                details={"bad key": "x", "good": "nul\x00"},
                subject=audit_pb2.Subject(type="!", id=""),
            ),
            {'details["bad key"]', 'details["good"]', "subject.type", "subject.id"},
        ),
    ],
    ids=["nested", "missing", "maps"],
)
async def test_a_fault_is_found_by_its_path(request_, fields):
    assert set(await faults_of(request_)) == fields


async def test_the_length_of_a_text_is_counted_in_letters():
    long_enough = auth_pb2.SignUpRequest(email="a@example.com", password="😀" * 8)
    too_long = auth_pb2.SignUpRequest(email="a@example.com", password="😀" * 257)

    assert await faults_of(long_enough) == {}
    assert set(await faults_of(too_long)) == {"password"}


@pytest.mark.parametrize(
    "method",
    [method for service in app.SERVICES for method in service.methods],
    ids=lambda method: method.name,
)
async def test_an_empty_request_is_judged_without_an_accident(method):
    empty = GetMessageClass(method.input_type)()

    assert all(field for field in await faults_of(empty))


async def test_streams_from_a_client_are_not_its_business():
    await VALIDATE.admit(None, None)


class TestAnswer:
    pytestmark = pytest.mark.asyncio(loop_scope="module")

    @pytest.mark.parametrize("language", ["en", "de", "ja"])
    async def test_a_fault_is_told_in_the_language_of_its_caller(self, core, language):
        request = auth_pb2.SignUpRequest(email="a@example.com", password="short")

        answer = await refused(core.auth.SignUp(request, metadata=(("accept-language", language),)))

        assert answer.code is grpc.StatusCode.INVALID_ARGUMENT
        assert answer.faults == {"password": "string.min_len"}
        sentence = violations.violation("string.min_len", {"min_len": "8"}, language)
        assert answer.messages == {"password": sentence}

    async def test_thousands_of_faults_make_a_short_answer(self, core):
        request = users_pb2.UpdateUserRequest(
            user=users_pb2.User(user_id="me", display_name="a\n" * 5000),
            update_mask=FieldMask(paths=["display_name"] * 5000),
        )

        answer = await refused(core.users.UpdateUser(request, metadata=await core.bearer()))

        assert answer.reason == "INVALID_REQUEST"
        assert "user.display_name" in answer.faults
