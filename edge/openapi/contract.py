"""The contract as read from its serialized descriptors: names, options and comments.

The descriptors go into a pool of their own, and the custom options on them are read through that
pool. So no generated module is imported, and any contract can be described, not only limen's.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    EnumValueDescriptor,
    FieldDescriptor,
    MethodDescriptor,
    OneofDescriptor,
    ServiceDescriptor,
)
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

Described = (
    Descriptor
    | EnumDescriptor
    | EnumValueDescriptor
    | FieldDescriptor
    | MethodDescriptor
    | OneofDescriptor
    | ServiceDescriptor
)


class ContractError(ValueError):
    """The contract cannot be described; the message says which part of it, and why."""


class Contract:
    """Read access to a serialized `google.protobuf.FileDescriptorSet`.

    Args:
        serialized: The set, imports first, with source info if comments are wanted.

    Raises:
        ContractError: The bytes are no such set, or files that are imported are missing.
    """

    def __init__(self, serialized: bytes) -> None:
        self._pool = DescriptorPool()
        self._comments: dict[str, str] = {}
        try:
            files = FileDescriptorSet.FromString(serialized).file
            for file in files:
                self._pool.AddSerializedFile(file.SerializeToString())
        except (DecodeError, TypeError) as error:
            raise ContractError(f"not a complete set of file descriptors: {error}") from error
        for file in files:
            self._comments.update(_comments(file))
        self._names = [
            f"{file.package}.{service.name}".lstrip(".")
            for file in files
            for service in file.service
        ]

    def service(self, full_name: str) -> ServiceDescriptor:
        """Return a service by its full name.

        Raises:
            ContractError: The contract has no such service.
        """
        if full_name not in self._names:
            raise ContractError(f"the contract has no service {full_name}")
        return self._pool.FindServiceByName(full_name)

    def methods(self) -> Iterator[MethodDescriptor]:
        """Yield every RPC of every service in the contract."""
        for name in self._names:
            yield from self._pool.FindServiceByName(name).methods

    def enum(self, full_name: str) -> EnumDescriptor | None:
        """Return an enum by its full name, or None if the contract has none."""
        try:
            return self._pool.FindEnumTypeByName(full_name)
        except KeyError:
            return None

    def option(self, descriptor: Described, extension: str) -> Any:
        """Return the value of a custom option.

        None stands for a singular option that is not set, and for an extension that the contract
        does not declare; a repeated option that is not set is empty.
        """
        options = descriptor.GetOptions()
        try:
            declared = self._pool.FindExtensionByName(extension)
        except KeyError:
            return None
        known = self._pool.FindMessageTypeByName(options.DESCRIPTOR.full_name)
        # Reading the option again with the types of this pool makes its extensions known.
        reread: Any = GetMessageClass(known).FromString(options.SerializeToString())
        if not declared.is_repeated and not reread.HasExtension(declared):
            return None
        return reread.Extensions[declared]

    def comment(self, descriptor: Described) -> str:
        """Return the comment above a declaration, without its slashes. Empty: it has none."""
        if isinstance(descriptor, EnumValueDescriptor):
            return self._comments.get(f"{descriptor.type.full_name}.{descriptor.name}", "")
        return self._comments.get(descriptor.full_name, "")


def _comments(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """Yield the full name and the comment of each declaration that has one.

    Source info names a declaration by the field numbers and indexes that lead to it from the file.
    """
    found = {
        tuple(location.path): location.leading_comments
        for location in file.source_code_info.location
        if location.leading_comments
    }
    for path, name in _declarations(file):
        if path in found:
            lines = found[path].splitlines()
            yield name, "\n".join(line.removeprefix(" ").rstrip() for line in lines).strip()


_Path = tuple[int, ...]
_Declaration = tuple[_Path, str]


def _declarations(file: FileDescriptorProto) -> Iterator[_Declaration]:
    scope = f"{file.package}." if file.package else ""
    number = FileDescriptorProto
    for index, message in enumerate(file.message_type):
        yield from _in_message(message, (number.MESSAGE_TYPE_FIELD_NUMBER, index), scope)
    for index, enum in enumerate(file.enum_type):
        yield from _in_enum(enum, (number.ENUM_TYPE_FIELD_NUMBER, index), scope)
    for index, service in enumerate(file.service):
        path = (number.SERVICE_FIELD_NUMBER, index)
        yield path, scope + service.name
        methods = ServiceDescriptorProto.METHOD_FIELD_NUMBER
        yield from _members(service.method, (*path, methods), scope + service.name)


def _in_message(message: DescriptorProto, path: _Path, scope: str) -> Iterator[_Declaration]:
    name = scope + message.name
    number = DescriptorProto
    yield path, name
    yield from _members(message.field, (*path, number.FIELD_FIELD_NUMBER), name)
    yield from _members(message.oneof_decl, (*path, number.ONEOF_DECL_FIELD_NUMBER), name)
    for index, nested in enumerate(message.nested_type):
        inner = (*path, number.NESTED_TYPE_FIELD_NUMBER, index)
        yield from _in_message(nested, inner, f"{name}.")
    for index, enum in enumerate(message.enum_type):
        yield from _in_enum(enum, (*path, number.ENUM_TYPE_FIELD_NUMBER, index), f"{name}.")


def _in_enum(enum: EnumDescriptorProto, path: _Path, scope: str) -> Iterator[_Declaration]:
    name = scope + enum.name
    yield path, name
    yield from _members(enum.value, (*path, EnumDescriptorProto.VALUE_FIELD_NUMBER), name)


def _members(members: Iterable[Any], path: _Path, scope: str) -> Iterator[_Declaration]:
    for index, member in enumerate(members):
        yield (*path, index), f"{scope}.{member.name}"
