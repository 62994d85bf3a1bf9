"""Errors as the core raises them."""

import grpc.aio
from google.protobuf.any_pb2 import Any
from google.rpc.status_pb2 import Status


def details_of(code, *details, message="for programmers"):
    """The trailing metadata that carries the details of an error."""
    status = Status(code=code.value[0], message=message)
    for detail in details:
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    return (("grpc-status-details-bin", status.SerializeToString()),)


def rpc_error(code, *details, trailing=(), initial=()):
    """What a call raises on the side of the edge."""
    trailing = (*trailing, *(details_of(code, *details) if details else ()))
    return grpc.aio.AioRpcError(
        code, grpc.aio.Metadata(*initial), grpc.aio.Metadata(*trailing), details="for programmers"
    )
