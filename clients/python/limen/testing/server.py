"""The gRPC server of the fake: of threads, so that it needs no event loop."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from limen.auth.v1 import auth_pb2
from limen.testing import health
from limen.testing.auth_service import AuthService
from limen.testing.user_service import UserService
from limen.users.v1 import users_pb2

if TYPE_CHECKING:
    from limen.testing.fake import FakeLimen

_THREADS = 128


class Server:
    """Serves a fake on a free port. Every stream and every connection takes a thread."""

    def __init__(self, limen: "FakeLimen") -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="fake-limen")
        self._server = grpc.server(self._threads, options=[("grpc.so_reuseport", 0)])
        auth = auth_pb2.DESCRIPTOR.services_by_name["AuthService"]
        users = users_pb2.DESCRIPTOR.services_by_name["UserService"]
        self._server.add_generic_rpc_handlers(
            (
                _handlers(auth, AuthService(limen)),
                _handlers(users, UserService(limen)),
                health.handlers(limen.feed.until_closed),
            )
        )
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def start(self) -> None:
        """Begins to serve."""
        self._server.start()

    def stop(self) -> None:
        """Stops serving; calls under way are cancelled."""
        self._server.stop(None).wait()
        self._threads.shutdown()


def _handlers(service: ServiceDescriptor, servicer: object) -> grpc.GenericRpcHandler:
    """The RPCs that `servicer` has a method for."""
    handlers = {
        method.name: _handler(method, getattr(servicer, method.name))
        for method in service.methods
        if hasattr(servicer, method.name)
    }
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


def _handler(
    method: MethodDescriptor, answer: Callable[..., Any]
) -> "grpc.RpcMethodHandler[Any, Any]":
    make: Callable[..., grpc.RpcMethodHandler[Any, Any]] = (
        grpc.unary_stream_rpc_method_handler
        if method.server_streaming
        else grpc.unary_unary_rpc_method_handler
    )
    return make(
        answer,
        request_deserializer=GetMessageClass(method.input_type).FromString,
        response_serializer=GetMessageClass(method.output_type).SerializeToString,
    )
