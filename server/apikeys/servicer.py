"""The services of the contract for machines: message in, service, message out."""

from uuid import UUID

from limen.apikeys.v1 import apikeys_pb2, apikeys_pb2_grpc
from server.apikeys import wire
from server.apikeys.issuing import Issuing
from server.apikeys.service import ApiKeyService
from server.apikeys.service_accounts import ServiceAccounts
from server.caller import current
from server.interceptors import peer_certificate
from server.interceptors.call import Context


class ApiKeyServicer(apikeys_pb2_grpc.ApiKeyServiceServicer):
    """Answers the RPCs of API keys."""

    def __init__(self, *, keys: ApiKeyService) -> None:
        self._keys = keys

    async def CreateApiKey(
        self, request: apikeys_pb2.CreateApiKeyRequest, context: Context
    ) -> apikeys_pb2.CreateApiKeyResponse:
        made = await self._keys.create(current(), wire.new_key(request))
        return apikeys_pb2.CreateApiKeyResponse(api_key=wire.api_key(made.row), secret=made.secret)

    async def ListApiKeys(
        self, request: apikeys_pb2.ListApiKeysRequest, context: Context
    ) -> apikeys_pb2.ListApiKeysResponse:
        keys, token = await self._keys.page(
            current(), page_size=request.page_size, token=request.page_token
        )
        return apikeys_pb2.ListApiKeysResponse(
            api_keys=[wire.api_key(row) for row in keys], next_page_token=token
        )

    async def RevokeApiKey(
        self, request: apikeys_pb2.RevokeApiKeyRequest, context: Context
    ) -> apikeys_pb2.RevokeApiKeyResponse:
        await self._keys.revoke(current(), UUID(request.api_key_id))
        return apikeys_pb2.RevokeApiKeyResponse()


class ServiceAccountServicer(apikeys_pb2_grpc.ServiceAccountServiceServicer):
    """Answers the RPCs of service accounts."""

    def __init__(self, *, accounts: ServiceAccounts, issuing: Issuing) -> None:
        self._accounts = accounts
        self._issuing = issuing

    async def CreateServiceAccount(
        self, request: apikeys_pb2.CreateServiceAccountRequest, context: Context
    ) -> apikeys_pb2.CreateServiceAccountResponse:
        made = await self._accounts.create(current(), request.display_name)
        return apikeys_pb2.CreateServiceAccountResponse(
            service_account=wire.service_account(made.service_account), client_secret=made.secret
        )

    async def ListServiceAccounts(
        self, request: apikeys_pb2.ListServiceAccountsRequest, context: Context
    ) -> apikeys_pb2.ListServiceAccountsResponse:
        accounts, token = await self._accounts.page(
            page_size=request.page_size, token=request.page_token
        )
        return apikeys_pb2.ListServiceAccountsResponse(
            service_accounts=[wire.service_account(each) for each in accounts],
            next_page_token=token,
        )

    async def RotateServiceAccountSecret(
        self, request: apikeys_pb2.RotateServiceAccountSecretRequest, context: Context
    ) -> apikeys_pb2.RotateServiceAccountSecretResponse:
        secret = await self._accounts.rotate_secret(current(), UUID(request.service_account_id))
        return apikeys_pb2.RotateServiceAccountSecretResponse(client_secret=secret)

    async def BindCertificate(
        self, request: apikeys_pb2.BindCertificateRequest, context: Context
    ) -> apikeys_pb2.BindCertificateResponse:
        bound = await self._accounts.bind_certificate(
            current(), UUID(request.service_account_id), request.certificate
        )
        return apikeys_pb2.BindCertificateResponse(service_account=wire.service_account(bound))

    async def UnbindCertificate(
        self, request: apikeys_pb2.UnbindCertificateRequest, context: Context
    ) -> apikeys_pb2.UnbindCertificateResponse:
        left = await self._accounts.unbind_certificate(
            current(), UUID(request.service_account_id), request.thumbprint
        )
        return apikeys_pb2.UnbindCertificateResponse(service_account=wire.service_account(left))

    async def IssueToken(
        self, request: apikeys_pb2.IssueTokenRequest, context: Context
    ) -> apikeys_pb2.IssueTokenResponse:
        token = await self._issuing.issue(
            current(),
            UUID(request.client_id),
            request.client_secret,
            peer_certificate.thumbprint(context, current().origin),
        )
        return wire.issued(token)
