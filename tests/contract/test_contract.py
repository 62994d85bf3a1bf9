"""What holds for every RPC and every field of the contract."""

import pytest
from buf.validate import validate_pb2
from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf.descriptor import FieldDescriptor

from limen.errors.v1 import errors_pb2
from server import errors
from server.app import SERVICES
from server.audit.actions import Action
from server.interceptors import policy
from server.users.roles import Roles

METHODS = [method for service in SERVICES for method in service.methods]
RULES = policy.read(SERVICES)

ROUTES = {
    "SignUp": ("post", "/v1/auth/sign-up"),
    "SignIn": ("post", "/v1/auth/sign-in"),
    "VerifySignIn": ("post", "/v1/auth/sign-in:verify"),
    "RefreshTokens": ("post", "/v1/auth/refresh"),
    "SignOut": ("post", "/v1/auth/sign-out"),
    "ListSessions": ("get", "/v1/auth/sessions"),
    "RevokeSession": ("delete", "/v1/auth/sessions/{session_id}"),
    "RevokeOtherSessions": ("post", "/v1/auth/sessions:revokeOthers"),
    "Reauthenticate": ("post", "/v1/auth/reauthenticate"),
    "ChangePassword": ("post", "/v1/auth/password:change"),
    "RequestPasswordReset": ("post", "/v1/auth/password:requestReset"),
    "ResetPassword": ("post", "/v1/auth/password:reset"),
    "VerifyEmail": ("post", "/v1/auth/email:verify"),
    "ResendEmailVerification": ("post", "/v1/auth/email:resend"),
    "IntrospectToken": ("post", "/v1/auth/introspect"),
    "GetJwks": ("get", "/.well-known/jwks.json"),
    "WatchRevocations": None,
    "GetUser": ("get", "/v1/users/{user_id}"),
    "ListUsers": ("get", "/v1/users"),
    "CreateUser": ("post", "/v1/users"),
    "UpdateUser": ("patch", "/v1/users/{user.user_id}"),
    "DisableUser": ("post", "/v1/users/{user_id}:disable"),
    "EnableUser": ("post", "/v1/users/{user_id}:enable"),
    "UnlockUser": ("post", "/v1/users/{user_id}:unlock"),
    "ImportUsers": None,
    "CreateRole": ("post", "/v1/roles"),
    "UpdateRole": ("patch", "/v1/roles/{role.name}"),
    "DeleteRole": ("delete", "/v1/roles/{name}"),
    "ListRoles": ("get", "/v1/roles"),
    "GrantRole": ("post", "/v1/users/{user_id}:grantRole"),
    "RevokeRole": ("post", "/v1/users/{user_id}:revokeRole"),
    "CreateApiKey": ("post", "/v1/api-keys"),
    "ListApiKeys": ("get", "/v1/api-keys"),
    "RevokeApiKey": ("delete", "/v1/api-keys/{api_key_id}"),
    "CreateServiceAccount": ("post", "/v1/service-accounts"),
    "ListServiceAccounts": ("get", "/v1/service-accounts"),
    "RotateServiceAccountSecret": (
        "post",
        "/v1/service-accounts/{service_account_id}:rotateSecret",
    ),
    "BindCertificate": ("post", "/v1/service-accounts/{service_account_id}:bindCertificate"),
    "UnbindCertificate": ("post", "/v1/service-accounts/{service_account_id}:unbindCertificate"),
    "IssueToken": ("post", "/v1/auth/token"),
    "ListFactors": ("get", "/v1/factors"),
    "DeleteFactor": ("delete", "/v1/factors/{factor_id}"),
    "EnrollTotp": ("post", "/v1/factors/totp"),
    "ConfirmTotp": ("post", "/v1/factors/totp:confirm"),
    "RegenerateRecoveryCodes": ("post", "/v1/factors/recovery-codes:regenerate"),
    "BeginPasskeyRegistration": ("post", "/v1/factors/passkeys:begin"),
    "FinishPasskeyRegistration": ("post", "/v1/factors/passkeys"),
    "BeginPasskeySignIn": ("post", "/v1/auth/passkey:begin"),
    "FinishPasskeySignIn": ("post", "/v1/auth/passkey:finish"),
    "ListEvents": ("get", "/v1/audit/events"),
    "GetEvent": ("get", "/v1/audit/events/{event_id}"),
    "RecordEvent": ("post", "/v1/audit/events"),
    "WatchEvents": ("get", "/v1/audit/events:watch"),
}
"""The public face: paths that other programs rely on. None: over gRPC only."""

SECRETS = ("password", "secret", "token")
NOT_SECRET = {"page_token", "next_page_token", "token_type"}


def fields_of(descriptor, seen=None):
    """Every field reachable from a message, once."""
    seen = set() if seen is None else seen
    if descriptor.full_name in seen or not descriptor.full_name.startswith("limen."):
        return
    seen.add(descriptor.full_name)
    for field in descriptor.fields:
        yield field
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            yield from fields_of(field.message_type, seen)


REQUEST_FIELDS = {
    field.full_name: field for method in METHODS for field in fields_of(method.input_type)
}
ANSWER_FIELDS = {
    field.full_name: field for method in METHODS for field in fields_of(method.output_type)
}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_rpc_keeps_its_public_route(method):
    http = method.GetOptions().Extensions[annotations_pb2.http]
    verb = http.WhichOneof("pattern")

    assert (verb and (verb, getattr(http, verb))) == ROUTES[method.name]


def test_no_public_route_is_missing():
    assert {method.name for method in METHODS} == set(ROUTES)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_rpc_declares_its_policy(method):
    rule = RULES[f"/{method.containing_service.full_name}/{method.name}"]

    assert rule.budget.network_per_minute > 0
    assert rule.audit_event == "" or rule.audit_event in set(Action)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_calls_that_change_something_leave_an_event(method):
    rule = RULES[f"/{method.containing_service.full_name}/{method.name}"]
    # To begin a ceremony is to be handed a challenge.
    reads = method.name.startswith(("Get", "List", "Watch", "Introspect", "Begin"))

    assert bool(rule.audit_event) is not reads


def test_messages_belong_to_one_rpc():
    requests = [method.input_type.full_name for method in METHODS]
    answers = [method.output_type.full_name for method in METHODS]

    assert len(set(requests)) == len(requests)
    assert len(set(answers)) == len(answers)


@pytest.mark.parametrize("field", REQUEST_FIELDS.values(), ids=lambda field: field.full_name)
def test_every_request_field_says_how_it_behaves(field):
    assert field.GetOptions().Extensions[field_behavior_pb2.field_behavior]


@pytest.mark.parametrize(
    "field",
    [each for each in REQUEST_FIELDS.values() if each.type == FieldDescriptor.TYPE_STRING],
    ids=lambda field: field.full_name,
)
def test_every_text_in_a_request_is_bounded(field):
    behaviour = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    rules = field.GetOptions().Extensions[validate_pb2.field]
    if field_behavior_pb2.OUTPUT_ONLY in behaviour:
        return
    text = rules.repeated.items.string if field.is_repeated else rules.string
    bounded = text.max_len or text.uuid or (text.pattern and "{12}" in text.pattern)

    assert bounded, f"{field.full_name} takes text of any length"


@pytest.mark.parametrize(
    "field",
    [
        field
        for field in (REQUEST_FIELDS | ANSWER_FIELDS).values()
        if field.type == FieldDescriptor.TYPE_STRING
        and any(word in field.name for word in SECRETS)
        and field.name not in NOT_SECRET
    ],
    ids=lambda field: field.full_name,
)
def test_secrets_are_marked(field):
    assert field.GetOptions().debug_redact


def test_errors_and_reasons_are_the_same_list():
    family = {each.reason for each in errors.LimenError.__subclasses__()}
    at_the_edge_alone = {
        "CSRF_REJECTED",
        "REQUEST_TOO_LARGE",
        "ROUTE_NOT_FOUND",
        "METHOD_NOT_ALLOWED",
        "UNSUPPORTED_MEDIA_TYPE",
        "NOT_ACCEPTABLE",
        "REQUEST_TIMEOUT",
    }
    contract = {
        name.removeprefix("ERROR_REASON_")
        for name in errors_pb2.ErrorReason.DESCRIPTOR.values_by_name
        if name != "ERROR_REASON_UNSPECIFIED"
    }

    assert family | at_the_edge_alone == contract


def test_roles_cover_every_permission():
    permissions = policy.permissions(RULES.values())
    admin = Roles(permissions=permissions).named("admin")

    assert admin is not None
    assert permissions <= admin.permissions


def test_an_rpc_without_policy_stops_the_start():
    from grpc_health.v1 import health_pb2

    with pytest.raises(policy.PolicyMissingError, match="Check"):
        policy.read([health_pb2.DESCRIPTOR.services_by_name["Health"]])
