"""gRPC calls that nobody means well with: names, bytes, metadata."""

from collections.abc import Iterator

from tests.flows.bad_input.http2 import RawHeader
from tests.flows.bad_input.plausible import request_for
from tests.flows.bad_input.rpcs import RPCS, Rpc

NO_RPCS = (
    "/limen.auth.v1.AuthService/Nothing",
    "/limen.auth.v1.AuthService/signIn",
    "/limen.auth.v1.AuthService/SignIn/",
    "/limen.auth.v2.AuthService/SignIn",
    "/limen.auth.v1.Nothing/SignIn",
    "//limen.auth.v1.AuthService/SignIn",
    "/grpc.health.v1.Health/Nothing",
    "/grpc.reflection.v1.ServerReflection/Nothing",
    "nothing",
    "/",
    "/" + "a" * 5000,
)
OUTSIDE_OF_THE_CONTRACT = (
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
)

_LONG = b"a" * 7000

METADATA: tuple[tuple[RawHeader, ...], ...] = (
    ((b"authorization", b"Bearer " + _LONG),),
    ((b"authorization", b"Bearer \xff\xfe"),),
    ((b"authorization", b"Bearer a\x01b"),),
    ((b"authorization", b""),),
    ((b"authorization", b"bearer"),),
    ((b"authorization", b"Basic YQ=="),),
    ((b"authorization", b"Bearer a.b.c"), (b"authorization", b"Bearer d.e.f")),
    ((b"authorization-bin", b"AAAA"),),
    ((b"limen-session", b"lms_" + b"x" * 200),),
    ((b"limen-session", b"\x80"),),
    ((b"limen-edge-secret", b"\xc3\xa4\xff"), (b"limen-session", b"lms_x")),
    ((b"limen-client-network", b"6.6.6.6"), (b"limen-edge-secret", b"guess")),
    ((b"x-request-id", b"a\nb\rc"),),
    ((b"x-request-id", b"a" * 4000),),
    ((b"x-request-id-bin", b"AAAA"),),
    ((b"accept-language", "\u65e5\u672c\u8a9e".encode()),),
    ((b"accept-language", b"de," * 2000),),
    ((b"user-agent", b"\xff" * 600),),
    ((b"grpc-timeout", b"99999999H"),),
    ((b"grpc-trace-bin", b"AAAA"), (b"grpc-tags-bin", b"/////w==")),
    ((b"traceparent", b"00-" + b"f" * 4000),),
    tuple((b"x-%d" % number, b"y") for number in range(100)),
    tuple((b"x-many", b"y") for _ in range(100)),
)


def texts_that_are_no_text(rpc: Rpc) -> Iterator[bytes]:
    """Messages with a text that is no UTF-8."""
    for field in rpc.method.input_type.fields:
        if field.type == field.TYPE_STRING:
            yield bytes([field.number << 3 | 2, 2]) + b"\xff\xfe"


def messages_of_others(rpc: Rpc) -> list[bytes]:
    """Messages that are right, for other RPCs."""
    return [request_for(other).SerializeToString() for other in RPCS if other != rpc]
