"""What a call carries, and what must not be carried where others can read it."""

import datetime
from ipaddress import ip_address

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from grpc import aio

from limen.auth.v1.auth_pb2 import GetJwksRequest, SignUpRequest
from limen.client import Unauthenticated, connect, request_id
from limen.users.v1.users_pb2 import GetUserRequest

ME = GetUserRequest(user_id="me")


async def test_a_call_carries_who_where_from_and_in_which_language(backend):
    async with connect(
        backend.address, token="key.1", language="pt-BR, en;q=0.5", user_agent="billing/2.1"
    ) as limen:
        reset = request_id.set("0193-abc")
        await limen.users.GetUser(ME)
        request_id.reset(reset)
        await limen.users.GetUser(ME)
    first, second = (call.headers for call in backend.calls)
    assert first["authorization"] == "Bearer key.1"
    assert first["accept-language"] == "pt-BR, en;q=0.5"
    assert first["x-request-id"] == "0193-abc"
    assert first["user-agent"].endswith(" billing/2.1 limen-client/0.1.0")
    assert "x-request-id" not in second


async def test_a_call_carries_nothing_that_was_not_given(backend):
    async with connect(backend.address) as limen:
        await limen.users.GetUser(ME)
    assert not {"authorization", "accept-language", "x-request-id"} & set(backend.calls[0].headers)


@pytest.mark.parametrize("hostile", ["", "a b", "a\r\nb: c", "ü", "\0", "x" * 129])
async def test_a_request_id_that_cannot_be_a_header_is_left_out(backend, hostile):
    reset = request_id.set(hostile)
    async with connect(backend.address) as limen:
        await limen.users.GetUser(ME)
    request_id.reset(reset)
    assert "x-request-id" not in backend.calls[0].headers


async def test_what_the_caller_sets_wins(backend):
    given = aio.Metadata(("authorization", "Bearer other"), ("accept-language", "it"), ("x-a", "1"))
    before = tuple(given)
    async with connect(backend.address, token="key", language="de") as limen:
        await limen.users.GetUser(ME, metadata=given)
    headers = backend.calls[0].headers
    assert (headers["authorization"], headers["accept-language"]) == ("Bearer other", "it")
    assert headers["x-a"] == "1"
    assert tuple(given) == before


async def test_the_callers_metadata_is_not_changed(backend):
    given = aio.Metadata(("x-a", "1"))
    async with connect(backend.address, token="key") as limen:
        await limen.users.GetUser(ME, metadata=given)
    assert tuple(given) == (("x-a", "1"),)
    assert backend.calls[0].headers["authorization"] == "Bearer key"


async def test_public_calls_carry_no_credential(backend):
    async with connect(backend.address, token="key") as limen:
        await limen.auth.SignUp(SignUpRequest())
        await limen.auth.GetJwks(GetJwksRequest())
    assert all("authorization" not in call.headers for call in backend.calls)


async def test_a_provider_is_asked_for_every_call(backend):
    tokens = iter(("one", "two"))

    async def provide():
        return next(tokens)

    async with connect(backend.address, token=provide) as limen:
        await limen.users.GetUser(ME)
        await limen.users.GetUser(ME)
    assert [c.headers["authorization"] for c in backend.calls] == ["Bearer one", "Bearer two"]


async def test_a_refused_token_that_cannot_be_renewed_is_not_sent_again(backend, refuse):
    backend.script("GetUser", refuse(grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID"))
    async with connect(backend.address, token="key") as limen:
        with pytest.raises(Unauthenticated):
            await limen.users.GetUser(ME)
    assert len(backend.calls) == 1


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "tök", "a=b", "Bearer x"])
async def test_what_cannot_be_a_token_is_refused_and_not_shown(backend, token):
    with pytest.raises(ValueError, match="RFC 6750") as caught:
        connect(backend.address, token=token)
    assert not token or token not in str(caught.value)


async def test_a_provider_cannot_put_a_header_in_through_its_token(backend):
    async def provide():
        return "a\r\nx-admin: 1"

    async with connect(backend.address, token=provide) as limen:
        with pytest.raises(ValueError, match="RFC 6750"):
            await limen.users.GetUser(ME)
    assert not backend.calls


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "limen.example.org"])  # noqa: S104 - see below
async def test_no_plaintext_to_another_machine(start_backend, host):
    # A server does listen: 0.0.0.0 reaches it, as a misjudged address would.
    backend = await start_backend()
    with pytest.raises(ValueError, match="plaintext"):
        connect(f"{host}:{backend.port}", token="key")
    with pytest.raises(ValueError, match="plaintext"):
        connect(f"{host}:{backend.port}")
    assert not backend.calls


async def test_plaintext_to_another_machine_when_told_so(start_backend):
    backend = await start_backend("0.0.0.0:0")
    async with connect(f"0.0.0.0:{backend.port}", token="key", allow_plaintext=True) as limen:
        await limen.users.GetUser(ME)
    assert backend.calls[0].headers["authorization"] == "Bearer key"


async def test_a_proxy_from_the_environment_sees_nothing_meant_for_this_machine(
    backend, monkeypatch, unused_address
):
    for name in ("grpc_proxy", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, f"http://{unused_address}")
    for name in ("no_grpc_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with connect(f"localhost:{backend.port}", token="key") as limen:
        await limen.users.GetUser(ME)
    assert len(backend.calls) == 1


@pytest.fixture(scope="module")
def certificate():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "limen test")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return secret, signed.public_bytes(serialization.Encoding.PEM)


async def test_credentials_travel_over_tls(start_backend, certificate):
    backend = await start_backend(credentials=grpc.ssl_server_credentials([certificate]))
    trust = grpc.ssl_channel_credentials(root_certificates=certificate[1])
    async with connect(backend.address, credentials=trust, token="key") as limen:
        await limen.users.GetUser(ME)
    assert backend.calls[0].headers["authorization"] == "Bearer key"
