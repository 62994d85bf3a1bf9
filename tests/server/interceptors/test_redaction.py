"""Requests in the log: what the contract marks secret or personal is not in them."""

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from limen.audit.v1 import audit_pb2
from limen.auth.v1 import auth_pb2
from limen.options.v1 import options_pb2
from limen.users.v1 import users_pb2
from server import app
from server.interceptors.redaction import HIDDEN, Redaction

MESSAGES = {
    message.full_name: message
    for service in app.SERVICES
    for method in service.methods
    for message in (method.input_type, method.output_type)
}


def is_hidden(field: FieldDescriptor) -> bool:
    options = field.GetOptions()
    return options.debug_redact or options.Extensions[options_pb2.traits].personal


def filled(descriptor, depth=0):
    """A message with something in every field; the texts of hidden fields say so."""
    message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.message_type is None:
            _put(message, field, _sample(field))
        elif _is_map(field.message_type):
            getattr(message, field.name)["a key"] = "a value"
        elif depth < 3:
            inner = filled(field.message_type, depth + 1)
            place = getattr(message, field.name)
            place.add().CopyFrom(inner) if field.is_repeated else place.CopyFrom(inner)
    return message


def _is_map(descriptor):
    is_struct = descriptor.full_name == "google.protobuf.Struct"
    return is_struct or descriptor.GetOptions().map_entry


def _sample(field):
    kinds = {
        FieldDescriptor.CPPTYPE_STRING: "SECRET" if is_hidden(field) else "shown",
        FieldDescriptor.CPPTYPE_BOOL: True,
        FieldDescriptor.CPPTYPE_ENUM: 1,
    }
    sample = kinds.get(field.cpp_type, 1)
    return sample.encode() if field.type == FieldDescriptor.TYPE_BYTES else sample


def _put(message, field, value):
    if field.is_repeated:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)


@pytest.mark.parametrize("descriptor", MESSAGES.values(), ids=MESSAGES)
def test_no_message_shows_what_is_marked(descriptor):
    message = filled(descriptor)
    shown = Redaction().shown(message)

    assert "SECRET" not in str(shown)
    for field, _ in message.ListFields():
        if is_hidden(field):
            assert shown[field.name] == HIDDEN


@pytest.mark.parametrize(
    "member", [field for each in MESSAGES.values() for one in each.oneofs for field in one.fields]
)
def test_no_member_of_a_choice_shows_what_is_marked(member):
    message = GetMessageClass(member.containing_type)(**{member.name: _sample(member)})

    assert "SECRET" not in str(Redaction().shown(message))


def test_the_contract_marks_what_must_not_be_seen():
    marked = {
        f"{message.name}.{field.name}"
        for message in MESSAGES.values()
        for field in message.fields
        if is_hidden(field)
    }

    assert marked >= {
        "SignUpRequest.password",
        "SignUpRequest.email",
        "SignInRequest.password",
        "RefreshTokensRequest.refresh_token",
        "IntrospectTokenRequest.token",
        "ResetPasswordRequest.token",
        "ResetPasswordRequest.new_password",
        "VerifyEmailRequest.token",
    }


def test_every_field_that_sounds_secret_is_marked():
    words = ("password", "secret", "_token", "token")
    unmarked = {
        f"{message.name}.{field.name}"
        for message in MESSAGES.values()
        for field in message.fields
        if field.name.endswith(words) and not is_hidden(field)
    }

    # Places in a list: sealed, and worth nothing to anybody else.
    assert {name.partition(".")[2] for name in unmarked} <= {"page_token", "next_page_token"}


def test_what_is_not_marked_is_shown():
    request = users_pb2.ListUsersRequest(page_size=5, filter="state = ACTIVE")

    assert Redaction().shown(request) == {"page_size": 5, "filter": "state = ACTIVE"}


def test_hidden_fields_inside_of_others_are_hidden_too():
    request = users_pb2.UpdateUserRequest(
        user=users_pb2.User(user_id="me", email="ada@example.com", display_name="Ada")
    )
    request.update_mask.paths.extend(["email"])

    shown = Redaction().shown(request)

    assert shown["user"] == {"user_id": "me", "email": HIDDEN, "display_name": HIDDEN}
    assert shown["update_mask"] == {"paths": ["email"]}


def test_what_is_not_there_is_not_shown():
    assert Redaction().shown(auth_pb2.SignInRequest()) == {}


def test_a_large_request_makes_no_large_line():
    request = audit_pb2.RecordEventRequest(
        action="x" * 100_000, details={str(n): "y" * 1000 for n in range(1000)}
    )
    many = auth_pb2.ListSessionsResponse(sessions=[auth_pb2.Session(amr=["z" * 1000] * 500)] * 500)

    assert len(str(Redaction().shown(request))) < 1000
    assert len(str(Redaction().shown(many))) < 100_000


@pytest.mark.parametrize("text", ["\u0000", "\u2028", "'\"\\", "😀", "\u202e"])
def test_odd_letters_are_shown_as_they_are(text):
    assert Redaction().shown(users_pb2.ListUsersRequest(filter=text)) == {"filter": text}
