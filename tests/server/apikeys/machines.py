"""Keys and service accounts of the tests: how they are made, and what they present."""

from dataclasses import dataclass

from limen.apikeys.v1 import apikeys_pb2, apikeys_pb2_grpc
from limen.users.v1 import users_pb2
from tests.server.running_core import RunningCore, bearer

Metadata = tuple[tuple[str, str], ...]

ME = users_pb2.GetUserRequest(user_id="me")


def presenting(token: str) -> Metadata:
    return (("authorization", f"Bearer {token}"),)


@dataclass
class Owner:
    """Somebody with a session, who makes keys."""

    core: RunningCore
    user_id: str
    email: str
    metadata: Metadata

    @classmethod
    async def of(cls, core: RunningCore, *roles: str) -> "Owner":
        account = await core.user(*roles)
        signed_in = await core.sign_in(account.user.email)
        return cls(core, str(account.user.user_id), account.user.email, bearer(signed_in))

    @property
    def keys(self) -> apikeys_pb2_grpc.ApiKeyServiceStub:
        return apikeys_pb2_grpc.ApiKeyServiceStub(self.core.channel)

    async def key(self, *scopes: str, **fields) -> apikeys_pb2.CreateApiKeyResponse:
        request = apikeys_pb2.CreateApiKeyRequest(
            **{"display_name": "a key", "scopes": scopes} | fields
        )
        return await self.keys.CreateApiKey(request, metadata=self.metadata)

    async def listed(self, **fields) -> apikeys_pb2.ListApiKeysResponse:
        request = apikeys_pb2.ListApiKeysRequest(**fields)
        return await self.keys.ListApiKeys(request, metadata=self.metadata)

    async def revoke(self, api_key_id: str) -> None:
        request = apikeys_pb2.RevokeApiKeyRequest(api_key_id=api_key_id)
        await self.keys.RevokeApiKey(request, metadata=self.metadata)


@dataclass
class Manager:
    """Somebody who keeps service accounts."""

    core: RunningCore
    metadata: Metadata

    @classmethod
    async def of(cls, core: RunningCore, *roles: str) -> "Manager":
        return cls(core, await core.bearer(*(roles or ("admin",))))

    @property
    def accounts(self) -> apikeys_pb2_grpc.ServiceAccountServiceStub:
        return apikeys_pb2_grpc.ServiceAccountServiceStub(self.core.channel)

    async def account(self, *roles: str, name: str = "a program") -> "Program":
        request = apikeys_pb2.CreateServiceAccountRequest(display_name=name)
        made = await self.accounts.CreateServiceAccount(request, metadata=self.metadata)
        program = Program(self.core, made.service_account.service_account_id, made.client_secret)
        for role in roles:
            await self.grant(program, role)
        return program

    async def grant(self, program: "Program", role: str) -> None:
        request = users_pb2.GrantRoleRequest(user_id=program.client_id, role=role)
        await self.core.users.GrantRole(request, metadata=self.metadata)

    async def rotate(self, program: "Program") -> str:
        request = apikeys_pb2.RotateServiceAccountSecretRequest(
            service_account_id=program.client_id
        )
        answer = await self.accounts.RotateServiceAccountSecret(request, metadata=self.metadata)
        return answer.client_secret

    async def bind(self, program: "Program", pem: str) -> apikeys_pb2.ServiceAccount:
        request = apikeys_pb2.BindCertificateRequest(
            service_account_id=program.client_id, certificate=pem
        )
        answer = await self.accounts.BindCertificate(request, metadata=self.metadata)
        return answer.service_account

    async def unbind(self, program: "Program", thumbprint: str) -> apikeys_pb2.ServiceAccount:
        request = apikeys_pb2.UnbindCertificateRequest(
            service_account_id=program.client_id, thumbprint=thumbprint
        )
        answer = await self.accounts.UnbindCertificate(request, metadata=self.metadata)
        return answer.service_account

    async def disable(self, user_id: str) -> None:
        request = users_pb2.DisableUserRequest(user_id=user_id)
        await self.core.users.DisableUser(request, metadata=self.metadata)

    async def enable(self, user_id: str) -> None:
        request = users_pb2.EnableUserRequest(user_id=user_id)
        await self.core.users.EnableUser(request, metadata=self.metadata)


@dataclass
class Program:
    """A service account, from the side of the program."""

    core: RunningCore
    client_id: str
    secret: str

    async def token(
        self, *, secret: str | None = None, channel=None, **options
    ) -> apikeys_pb2.IssueTokenResponse:
        stub = apikeys_pb2_grpc.ServiceAccountServiceStub(channel or self.core.channel)
        request = apikeys_pb2.IssueTokenRequest(
            client_id=self.client_id, client_secret=self.secret if secret is None else secret
        )
        return await stub.IssueToken(request, **options)

    async def metadata(self) -> Metadata:
        return presenting((await self.token()).access_token)
