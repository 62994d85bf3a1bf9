"""API keys and service accounts as messages."""

from datetime import UTC

from limen.apikeys.v1 import apikeys_pb2
from server.apikeys.account_repository import ServiceAccount
from server.apikeys.issuing import IssuedToken
from server.apikeys.model import ApiKeyRow
from server.apikeys.service import NewKey
from server.users.model import ACTIVE
from server.wire import timestamp


def new_key(request: apikeys_pb2.CreateApiKeyRequest) -> NewKey:
    """The key that a request asks for."""
    expire_time = None
    if request.HasField("expire_time"):
        expire_time = request.expire_time.ToDatetime(UTC)
    return NewKey(request.display_name, tuple(request.scopes), expire_time)


def api_key(row: ApiKeyRow) -> apikeys_pb2.ApiKey:
    """The message for a key."""
    return apikeys_pb2.ApiKey(
        api_key_id=str(row.api_key_id),
        display_name=row.display_name,
        scopes=row.scopes,
        hint=row.hint,
        create_time=timestamp(row.create_time),
        expire_time=timestamp(row.expire_time) if row.expire_time else None,
        last_use_time=timestamp(row.last_use_time) if row.last_use_time else None,
        last_use_network=row.last_use_network or "",
    )


def service_account(shown: ServiceAccount) -> apikeys_pb2.ServiceAccount:
    """The message for a service account."""
    user = shown.account.user
    return apikeys_pb2.ServiceAccount(
        service_account_id=str(user.user_id),
        display_name=user.display_name,
        disabled=user.state != ACTIVE,
        roles=shown.account.roles,
        certificate_thumbprints=shown.thumbprints,
        create_time=timestamp(user.create_time),
        last_use_time=timestamp(shown.last_use_time) if shown.last_use_time else None,
    )


def issued(token: IssuedToken) -> apikeys_pb2.IssueTokenResponse:
    """The answer that gives a token (RFC 6749, section 5.1)."""
    return apikeys_pb2.IssueTokenResponse(
        access_token=token.token,
        token_type="Bearer",
        expire_time=timestamp(token.expire_time),
        scope=token.scope,
    )
