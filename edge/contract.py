"""The contract as the edge serves it."""

from importlib.resources import files

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from limen.options.v1 import options_pb2

_PACKAGE = "limen."


def read_contract() -> bytes:
    """The whole contract, a serialized `FileDescriptorSet`."""
    return files("limen").joinpath("contract.binpb").read_bytes()


def services_of(contract: bytes) -> tuple[str, ...]:
    """The full names of limen's services, in the order of the contract."""
    return tuple(
        f"{file.package}.{service.name}"
        for file in FileDescriptorSet.FromString(contract).file
        if file.package.startswith(_PACKAGE)
        for service in file.service
    )


def public_rpcs(contract: bytes) -> frozenset[str]:
    """The full names of the RPCs that anyone may call, with or without credentials."""
    return frozenset(
        f"{file.package}.{service.name}.{rpc.name}"
        for file in FileDescriptorSet.FromString(contract).file
        for service in file.service
        for rpc in service.method
        if rpc.options.Extensions[options_pb2.policy].public
    )
