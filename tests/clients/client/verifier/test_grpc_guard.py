"""The guard before the RPCs of a server, with a fake limen behind it."""

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from examples.greeter.v1.greeter_pb2 import GreetRequest, GreetResponse
from google.rpc import error_details_pb2
from grpc import aio
from grpc_status import rpc_status

from limen.client.verifier import GrpcGuard, Requirement, current
from limen.client.verifier.certificates import thumbprint, thumbprint_of_pem

Code = grpc.StatusCode
SERVICE = "test.v1.Service"


def certificate(name="service.test"):
    """A certificate for 127.0.0.1 that signs itself, with its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return (
        made.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


class Anything(grpc.GenericRpcHandler):
    """An RPC of every kind, which names its caller."""

    def service(self, handler_call_details):
        kinds = {
            "UnaryUnary": (grpc.unary_unary_rpc_method_handler, self.one),
            "UnaryStream": (grpc.unary_stream_rpc_method_handler, self.many),
            "StreamUnary": (grpc.stream_unary_rpc_method_handler, self.one),
            "StreamStream": (grpc.stream_stream_rpc_method_handler, self.many),
            "Written": (grpc.unary_stream_rpc_method_handler, self.written),
        }
        make, behaviour = kinds.get(handler_call_details.method.rpartition("/")[2], (None, None))
        return (
            make(
                behaviour,
                request_deserializer=GreetRequest.FromString,
                response_serializer=GreetResponse.SerializeToString,
            )
            if make
            else None
        )

    async def one(self, _request, _context):
        return GreetResponse(text=name())

    async def many(self, _request, _context):
        yield GreetResponse(text=name())

    async def written(self, _request, context):
        await context.write(GreetResponse(text=name()))


def name():
    claims = current.get(None)
    return claims.user_id if claims else "nobody"


class Asking:
    """Calls the server with a token."""

    def __init__(self, channel):
        self._channel = channel

    async def __call__(self, kind, *headers):
        make = getattr(
            self._channel,
            {
                "UnaryUnary": "unary_unary",
                "UnaryStream": "unary_stream",
                "Written": "unary_stream",
                "StreamUnary": "stream_unary",
                "StreamStream": "stream_stream",
            }.get(kind, "unary_unary"),
        )
        method = make(
            f"/{SERVICE}/{kind}",
            request_serializer=GreetRequest.SerializeToString,
            response_deserializer=GreetResponse.FromString,
        )
        request = iter([GreetRequest()]) if kind.startswith("Stream") else GreetRequest()
        call = method(request, metadata=headers, timeout=30)
        if hasattr(call, "__aiter__"):
            (text,) = [answer.text async for answer in call]
            return text
        return (await call).text


@pytest.fixture
async def verifier(limen):
    async with limen.verifier() as verifier:
        yield verifier


REQUIREMENTS = {
    f"/{SERVICE}/UnaryStream": Requirement(scopes={"users.read", "users.delete"}),
    f"/{SERVICE}/StreamUnary": Requirement(max_proof_age=300),
    f"/{SERVICE}/StreamStream": Requirement(two_factors=True),
    f"/{SERVICE}/Written": None,
}


@pytest.fixture
async def ask(verifier):
    server = aio.server(
        interceptors=[GrpcGuard(verifier, REQUIREMENTS)], options=[("grpc.so_reuseport", 0)]
    )
    server.add_generic_rpc_handlers((Anything(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Asking(channel)
    await server.stop(None)


def bearer(token):
    return ("authorization", f"Bearer {token}")


async def refusal(call):
    """Code, reason, metadata and request id of a refused call."""
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    info, request = error_details_pb2.ErrorInfo(), error_details_pb2.RequestInfo()
    for detail in rpc_status.from_call(caught.value).details:
        for kind in (info, request):
            if detail.Is(kind.DESCRIPTOR):
                detail.Unpack(kind)
    assert info.domain == "limen"
    return caught.value.code(), info.reason, dict(info.metadata), request.request_id


async def test_grpc_lets_in_whom_limen_knows(limen, ada, ask):
    token = limen.sign_in(ada).access_token
    assert await ask("UnaryUnary", bearer(token)) == ada.user_id
    assert await ask("UnaryUnary", ("authorization", f"bEaReR {token}")) == ada.user_id
    assert await ask("Written") == "nobody"


@pytest.mark.parametrize("kind", ["UnaryUnary", "UnaryStream", "StreamUnary", "StreamStream"])
async def test_grpc_refuses_with_the_reason_that_limen_gives(limen, ada, ask, kind):
    token = limen.sign_in(ada).access_token
    missing = (Code.UNAUTHENTICATED, "UNAUTHENTICATED", {}, "r-1")
    for headers in (
        (),
        (("authorization", "Basic YTpi"),),
        (("authorization", "Bearer "),),
        (bearer(token), bearer(token)),
    ):
        assert await refusal(ask(kind, *headers, ("x-request-id", "r-1"))) == missing
    invalid = (Code.UNAUTHENTICATED, "CREDENTIAL_INVALID", {}, "")
    assert await refusal(ask(kind, bearer(token[:-2]))) == invalid


async def test_grpc_holds_each_rpc_to_its_requirement(limen, ada, ask):
    stale = limen.sign_in(ada, proof_age=301).access_token
    code, reason, metadata, _ = await refusal(ask("UnaryStream", bearer(stale)))
    assert (code, reason) == (Code.PERMISSION_DENIED, "PERMISSION_DENIED")
    assert metadata == {"permission": "users.delete"}
    code, reason, metadata, _ = await refusal(ask("StreamUnary", bearer(stale)))
    assert (code, reason) == (Code.UNAUTHENTICATED, "PROOF_TOO_OLD")
    assert metadata == {"maxAgeSeconds": "300"}
    code, reason, metadata, _ = await refusal(ask("StreamStream", bearer(stale)))
    assert (code, reason) == (Code.UNAUTHENTICATED, "ASSURANCE_TOO_LOW")
    assert metadata == {"acr": "aal2"}
    ada.scopes |= {"users.delete"}
    strong = limen.sign_in(ada, amr=("pwd", "otp", "mfa")).access_token
    for kind in ("UnaryStream", "StreamUnary", "StreamStream"):
        assert await ask(kind, bearer(strong)) == ada.user_id


async def test_an_api_key_stands_in_for_no_proof(limen, ada, ask):
    key = limen.api_key(ada, scopes={"users.read", "users.delete"}).secret
    assert await ask("UnaryStream", bearer(key)) == ada.user_id
    for kind in ("StreamUnary", "StreamStream"):
        code, reason, *_ = await refusal(ask(kind, bearer(key)))
        assert (code, reason) == (Code.PERMISSION_DENIED, "CREDENTIAL_KIND_REFUSED")


async def test_grpc_says_when_to_come_back(limen, ada, monotonic):
    async with limen.verifier(monotonic=monotonic, when_stale="refuse") as verifier:
        server = aio.server(interceptors=[GrpcGuard(verifier)], options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((Anything(),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        limen.fall_silent()
        monotonic.seconds += 11
        async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = Asking(channel)("UnaryUnary", bearer(limen.sign_in(ada).access_token))
            with pytest.raises(aio.AioRpcError) as caught:
                await call
        await server.stop(None)
    assert caught.value.code() is Code.UNAVAILABLE
    retry = error_details_pb2.RetryInfo()
    assert any(detail.Unpack(retry) for detail in rpc_status.from_call(caught.value).details)
    assert retry.retry_delay.seconds == 1


async def test_an_rpc_that_does_not_exist_is_said_not_to_exist(limen, ada, ask):
    with pytest.raises(aio.AioRpcError) as caught:
        await ask("Nothing", bearer(limen.sign_in(ada, amr=["mfa"]).access_token))
    assert caught.value.code() is Code.UNIMPLEMENTED


@pytest.fixture(scope="module")
def certificates():
    """A server's, that of the client, and one of somebody else."""
    return [certificate(each) for each in ("server", "client", "thief")]


@pytest.fixture
async def ask_with(verifier, certificates):
    """Calls over TLS, with a client certificate or without."""
    (server_cert, server_key), client, thief = certificates
    credentials = grpc.ssl_server_credentials(
        [(server_key, server_cert)],
        root_certificates=client[0] + thief[0],
        require_client_auth=False,
    )
    # Client certificates are asked for and need not be there.
    server = aio.server(interceptors=[GrpcGuard(verifier)], options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((Anything(),))
    optional = server.add_secure_port("localhost:0", credentials)
    required = server.add_secure_port(
        "localhost:0",
        grpc.ssl_server_credentials(
            [(server_key, server_cert)],
            root_certificates=client[0] + thief[0],
            require_client_auth=True,
        ),
    )
    await server.start()

    async def ask(kind, token, shown=None):
        pem, key = shown or (None, None)
        channel = aio.secure_channel(
            f"localhost:{required if shown else optional}",
            grpc.ssl_channel_credentials(server_cert, key, pem),
        )
        async with channel:
            return await Asking(channel)(kind, bearer(token))

    yield ask
    await server.stop(None)


@pytest.mark.parametrize(
    "kind", ["UnaryUnary", "UnaryStream", "StreamUnary", "StreamStream", "Written"]
)
async def test_a_bound_token_needs_its_certificate(limen, ada, ask_with, certificates, kind):
    _, client, thief = certificates
    bound = limen.sign_in(ada, certificate=thumbprint_of_pem(client[0].decode())).access_token
    assert await ask_with(kind, bound, client) == ada.user_id
    invalid = (Code.UNAUTHENTICATED, "CREDENTIAL_INVALID", {}, "")
    assert await refusal(ask_with(kind, bound, thief)) == invalid
    assert await refusal(ask_with(kind, bound)) == invalid
    plain = limen.sign_in(ada).access_token
    assert await ask_with(kind, plain, thief) == ada.user_id


async def test_a_bound_token_is_refused_without_tls(limen, ada, ask):
    bound = limen.sign_in(ada, certificate="c" * 43).access_token
    code, reason, *_ = await refusal(ask("UnaryUnary", bearer(bound)))
    assert (code, reason) == (Code.UNAUTHENTICATED, "CREDENTIAL_INVALID")


def test_the_thumbprint_is_that_of_the_standard():
    pem, _ = certificate()
    made = x509.load_pem_x509_certificate(pem)
    der = made.public_bytes(serialization.Encoding.DER)
    assert thumbprint_of_pem(pem.decode()) == thumbprint(der)
    assert len(thumbprint(der)) == 43
