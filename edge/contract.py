"""The contract as the edge serves it."""

from importlib.resources import files

from google.protobuf.descriptor_pb2 import FileDescriptorSet

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
