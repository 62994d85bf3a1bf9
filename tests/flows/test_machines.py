"""Machines over plain HTTP and over mutual TLS: limen as it really runs."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from limen.apikeys.v1.apikeys_pb2 import IssueTokenRequest
from limen.client import Tls, Unauthenticated, connect
from limen.users.v1.users_pb2 import GetUserRequest
from tests.flows.people import Person, SignedIn, administrator, answered, reason
from tests.server.apikeys.authority import Authority
from tests.system import System, free_addresses


@pytest.fixture
def rest(limen: System) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=limen.rest_url, timeout=30) as client:
        yield client


@pytest.fixture
def admin(limen: System, rest: httpx.Client) -> SignedIn:
    """The administrator, signed in."""
    return administrator(limen).sign_in(rest)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_a_key_from_its_making_to_its_end(rest: httpx.Client, admin: SignedIn) -> None:
    body = {"displayName": "Sicherung 🔑", "scopes": ["users.read"]}
    made = answered(rest.post("/v1/api-keys", json=body, headers=admin.headers))
    key = bearer(made["secret"])
    assert made["apiKey"]["hint"] == made["secret"][:8]

    assert answered(rest.get("/v1/users/me", headers=key))["userId"] == admin.user_id
    assert answered(rest.get("/v1/users", params={"pageSize": 1}, headers=key))["users"]
    assert reason(rest.get("/v1/audit/events", headers=key)) == (403, "PERMISSION_DENIED")
    assert reason(rest.get("/v1/api-keys", headers=key)) == (403, "CREDENTIAL_KIND_REFUSED")
    found = answered(rest.post("/v1/auth/introspect", json={"token": made["secret"]}, headers=key))
    assert (found["active"], found["token_type"], found["scope"]) == (True, "ApiKey", "users.read")

    listed = answered(rest.get("/v1/api-keys", headers=admin.headers))["apiKeys"]
    (shown,) = [each for each in listed if each["apiKeyId"] == made["apiKey"]["apiKeyId"]]
    assert shown["lastUseNetwork"] == "127.0.0.1"
    assert "secret" not in shown

    path = f"/v1/api-keys/{made['apiKey']['apiKeyId']}"
    answered(rest.delete(path, headers=admin.headers))
    assert reason(rest.get("/v1/users/me", headers=key)) == (401, "CREDENTIAL_INVALID")
    assert reason(rest.delete(path, headers=admin.headers)) == (404, "NOT_FOUND")


def test_a_key_is_no_session_cookie(rest: httpx.Client, admin: SignedIn) -> None:
    made = answered(rest.post("/v1/api-keys", json={"displayName": "x"}, headers=admin.headers))

    for name in ("limen_session", "__Host-limen_session"):
        cookie = {"cookie": f"{name}={made['secret']}"}
        assert rest.get("/v1/users/me", headers=cookie).status_code == 401


def test_a_key_cannot_be_given_more_than_its_owner_has(limen: System, rest: httpx.Client) -> None:
    ada = Person(limen)
    ada.join(rest)
    headers = ada.sign_in(rest).headers

    body = {"displayName": "x", "scopes": ["users.read"]}
    assert reason(rest.post("/v1/api-keys", json=body, headers=headers)) == (
        403,
        "PERMISSION_DENIED",
    )
    body = {"displayName": "x", "scopes": ["users.reed"]}
    refused = rest.post("/v1/api-keys", json=body, headers=headers)
    assert reason(refused) == (400, "INVALID_REQUEST")
    assert [each["field"] for each in refused.json()["errors"]] == ["scopes[0]"]


def test_a_service_account_from_its_making_to_its_token(
    rest: httpx.Client, admin: SignedIn
) -> None:
    body = {"displayName": "Nightly report"}
    made = answered(rest.post("/v1/service-accounts", json=body, headers=admin.headers))
    client_id = made["serviceAccount"]["serviceAccountId"]
    path = f"/v1/users/{client_id}:grantRole"
    answered(rest.post(path, json={"role": "service"}, headers=admin.headers))

    proof = {"clientId": client_id, "clientSecret": made["clientSecret"]}
    issued = answered(rest.post("/v1/auth/token", json=proof))
    token = bearer(issued["accessToken"])
    assert issued["scope"] == "audit.write tokens.introspect"
    assert answered(rest.get("/v1/users/me", headers=token))["kind"] == "USER_KIND_SERVICE"

    path = f"/v1/service-accounts/{client_id}:rotateSecret"
    rotated = answered(rest.post(path, json={}, headers=admin.headers))
    assert reason(rest.post("/v1/auth/token", json=proof)) == (401, "SIGN_IN_FAILED")
    proof["clientSecret"] = rotated["clientSecret"]
    answered(rest.post("/v1/auth/token", json=proof))


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def programs() -> Authority:
    """The authority of programs."""
    return Authority("an authority of programs")


@pytest.fixture(scope="module")
def encrypted(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, programs: Authority
) -> Iterator[System]:
    """The whole of limen, in which nothing is plain text but HTTP."""
    folder = tmp_path_factory.mktemp("encrypted")
    certificate, key = authority.identity("limen").write(folder, "limen")
    variables = {
        "LIMEN_TLS_CERTIFICATE": certificate,
        "LIMEN_TLS_KEY": key,
        "LIMEN_TLS_CLIENT_CA": programs.write(folder / "programs.pem"),
        "LIMEN_CORE_CA": authority.write(folder / "authority.pem"),
        "LIMEN_MTLS_ADDRESS": free_addresses(1)[0],
    }
    system = System(folder, **{name: str(value) for name, value in variables.items()})
    system.addresses["LIMEN_MTLS_ADDRESS"] = variables["LIMEN_MTLS_ADDRESS"]
    with system:
        yield system


def test_a_program_signs_in_with_its_certificate(
    encrypted: System, authority: Authority, programs: Authority, tmp_path: Path
) -> None:
    identity = programs.identity("a program")
    certificate, key = identity.write(tmp_path, "program")
    trusted = authority.write(tmp_path / "authority.pem")
    demanding, shown = encrypted.addresses["LIMEN_MTLS_ADDRESS"], Tls(trusted, certificate, key)
    with httpx.Client(base_url=encrypted.rest_url, timeout=30) as rest:
        admin = administrator(encrypted).sign_in(rest)
        body = {"displayName": "a program"}
        made = answered(rest.post("/v1/service-accounts", json=body, headers=admin.headers))
        client_id = made["serviceAccount"]["serviceAccountId"]
        path = f"/v1/service-accounts/{client_id}:bindCertificate"
        body = {"certificate": identity.text}
        bound = answered(rest.post(path, json=body, headers=admin.headers))
        assert len(bound["serviceAccount"]["certificateThumbprints"]) == 1

        token = asyncio.run(_token(demanding, shown, client_id))

        assert asyncio.run(_whose(demanding, shown, token)) == client_id
        with pytest.raises(Unauthenticated):
            asyncio.run(_whose(encrypted.grpc_address, Tls(trusted), token))
        refused = rest.get("/v1/users/me", headers=bearer(token))
        assert reason(refused) == (401, "CREDENTIAL_INVALID")
        refused = rest.post("/v1/auth/token", json={"clientId": client_id})
        assert reason(refused) == (401, "SIGN_IN_FAILED")


async def _token(address: str, tls: Tls, client_id: str) -> str:
    """What the program is given for its certificate."""
    async with connect(address, credentials=tls) as limen:
        request = IssueTokenRequest(client_id=client_id)
        return (await limen.service_accounts.IssueToken(request)).access_token


async def _whose(address: str, tls: Tls, token: str) -> str:
    async with connect(address, credentials=tls, token=token) as limen:
        return (await limen.users.GetUser(GetUserRequest(user_id="me"))).user.user_id
