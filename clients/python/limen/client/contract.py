"""The rules of the contract that a caller can act on, read from its descriptors.

Each RPC carries `limen.options.v1.policy`. Two of its members matter here: `idempotent`, which
allows a retry, and `public`, which makes credentials needless.
"""

from collections.abc import Callable, Iterator

from google.protobuf.descriptor import FileDescriptor, MethodDescriptor

from limen.apikeys.v1 import apikeys_pb2
from limen.audit.v1 import audit_pb2
from limen.auth.v1 import auth_pb2
from limen.factors.v1 import factors_pb2
from limen.options.v1 import options_pb2
from limen.users.v1 import users_pb2

FILES: tuple[FileDescriptor, ...] = (
    auth_pb2.DESCRIPTOR,
    factors_pb2.DESCRIPTOR,
    apikeys_pb2.DESCRIPTOR,
    users_pb2.DESCRIPTOR,
    audit_pb2.DESCRIPTOR,
)
"""The contracts whose services the client offers."""

_Policy = options_pb2.Policy


def idempotent_methods() -> list[tuple[str, str]]:
    """The RPCs that may be repeated after a lost answer, as (service, method)."""
    return _methods(lambda policy: policy.idempotent)


def public_paths() -> frozenset[str]:
    """The paths of the RPCs that anyone may call, for instance `/limen.auth.v1.AuthService/SignIn`.

    They get no credentials: to send a token that nobody reads only puts it at risk, and an
    expired one must not stand in the way of the call that renews it.
    """
    return frozenset(
        f"/{service}/{method}" for service, method in _methods(lambda policy: policy.public)
    )


def _methods(chosen: Callable[[_Policy], bool]) -> list[tuple[str, str]]:
    return [
        (method.containing_service.full_name, method.name)
        for method in _every_method()
        if chosen(method.GetOptions().Extensions[options_pb2.policy])
    ]


def _every_method() -> Iterator[MethodDescriptor]:
    for file in FILES:
        for service in file.services_by_name.values():
            yield from service.methods
