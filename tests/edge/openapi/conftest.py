"""Small contracts that are compiled on the spot, and the document of limen's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import google.api
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

from edge.openapi.document import build

ROOT = Path(__file__).parents[3]
LIMEN_CONTRACT = ROOT / "clients" / "python" / "limen" / "contract.binpb"

HEADER = """
syntax = "proto3";
package probe.v1;
import "buf/validate/validate.proto";
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/api/httpbody.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "limen/errors/v1/errors.proto";
import "limen/options/v1/options.proto";
"""

Compile = Callable[[str], bytes]
Describe = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`buf/validate/validate.proto` as a descriptor, which is how protovalidate ships it."""
    files: dict[str, FileDescriptorProto] = {}

    def add(file: Any) -> None:
        for dependency in file.dependencies:
            add(dependency)
        files[file.proto.name] = FileDescriptorProto.FromString(file.proto.to_binary())

    add(validate_pb.desc())
    path = tmp_path_factory.mktemp("vocabulary") / "validate.binpb"
    path.write_bytes(FileDescriptorSet(file=files.values()).SerializeToString())
    return path


@pytest.fixture(scope="session")
def compile_proto(vocabulary: Path, tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """Compile the body of a file of the package `probe.v1`."""

    def compiled(body: str) -> bytes:
        folder = tmp_path_factory.mktemp("contract")
        (folder / "probe.proto").write_text(HEADER + body)
        out = folder / "contract.binpb"
        site_packages = Path(next(iter(google.api.__path__))).parents[1]
        arguments = [
            f"--proto_path={folder}",
            f"--proto_path={ROOT / 'proto'}",
            f"--proto_path={site_packages}",
            f"--proto_path={Path(protoc.__file__).parent / '_proto'}",
            f"--descriptor_set_in={vocabulary}",
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={out}",
            "probe.proto",
        ]
        assert protoc.main(["protoc", *arguments]) == 0
        return out.read_bytes()

    return compiled


@pytest.fixture(scope="session")
def describe(compile_proto: Compile) -> Describe:
    """Describe the services of the body of a file."""

    def described(body: str, *services: str) -> dict[str, Any]:
        return build(
            compile_proto(body),
            [f"probe.v1.{name}" for name in services or ("Probe",)],
            title="Probe",
            version="1",
            description="A probe.",
            public_url="https://probe.example",
        )

    return described


@pytest.fixture(scope="session")
def limen_contract() -> bytes:
    return LIMEN_CONTRACT.read_bytes()


@pytest.fixture(scope="session")
def limen_document(limen_contract: bytes) -> dict[str, Any]:
    files = FileDescriptorSet.FromString(limen_contract).file
    services = [
        f"{file.package}.{service.name}"
        for file in files
        for service in file.service
        if file.package.startswith("limen.")
    ]
    return build(
        limen_contract,
        services,
        title="limen",
        version="1.2.3",
        description="An identity core.",
        public_url="https://id.example.com/",
    )
