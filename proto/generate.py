"""Generates everything that is derived from the contract.

Run by `make gen`; `make check` runs it into an empty folder and compares. The output is

- `clients/python/limen/<slice>/v1/*_pb2*.py`: messages, stubs and their types;
- `clients/python/buf/validate/validate_pb2.py`: the constraint vocabulary those import;
- `clients/python/limen/contract.binpb`: the whole contract as one `FileDescriptorSet` with its
  comments, for the transcoder, the API documentation and buf.
"""

import sys
import tempfile
from pathlib import Path

import google.api
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

PROTO = Path(__file__).parent
SITE_PACKAGES = Path(next(iter(google.api.__path__))).parents[1]
GRPC_TOOLS_INCLUDE = Path(protoc.__file__).parent / "_proto"
VALIDATE = "buf/validate/validate.proto"


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    sources = sorted(str(path.relative_to(PROTO)) for path in PROTO.glob("limen/**/*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        # protovalidate ships its vocabulary as a descriptor only, not as a .proto file.
        vocabulary = Path(folder) / "validate.binpb"
        vocabulary.write_bytes(_vocabulary().SerializeToString(deterministic=True))
        include = [
            f"--proto_path={PROTO}",
            f"--proto_path={SITE_PACKAGES}",
            f"--proto_path={GRPC_TOOLS_INCLUDE}",
            f"--descriptor_set_in={vocabulary}",
        ]
        _protoc(
            *include,
            f"--python_out={out}",
            f"--mypy_out={out}",
            f"--grpc_python_out={out}",
            f"--mypy_grpc_out=only_async:{out}",
            *sources,
        )
        _protoc(*include, f"--python_out={out}", f"--mypy_out={out}", VALIDATE)
        _protoc(
            *include,
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={out / 'limen' / 'contract.binpb'}",
            *sources,
        )
    for source in sources:
        _make_package(out, Path(source).parent)
        _drop_unused_stubs(out, Path(source))


def _vocabulary() -> FileDescriptorSet:
    """The descriptor of `buf/validate/validate.proto` with all it imports, imports first."""
    files: dict[str, FileDescriptorProto] = {}

    def add(desc: object) -> None:
        if desc.proto.name in files:  # type: ignore[attr-defined]
            return
        for dependency in desc.dependencies:  # type: ignore[attr-defined]
            add(dependency)
        proto = FileDescriptorProto.FromString(desc.proto.to_binary())  # type: ignore[attr-defined]
        files[proto.name] = proto

    add(validate_pb.desc())
    return FileDescriptorSet(file=files.values())


def _make_package(out: Path, package: Path) -> None:
    """A package docstring stands in for the empty `__init__.py` that protoc leaves out."""
    (out / package / "__init__.py").write_text(
        f'"""Generated from `proto/{package}`: messages and stubs. Never edited."""\n'
    )


def _drop_unused_stubs(out: Path, source: Path) -> None:
    """A contract without a service has no stubs; protoc writes an empty module for it."""
    stubs = out / source.with_name(f"{source.stem}_pb2_grpc.py")
    if "Stub" not in stubs.read_text():
        stubs.unlink()
        stubs.with_suffix(".pyi").unlink(missing_ok=True)


def _protoc(*arguments: str) -> None:
    if protoc.main(["protoc", *arguments]) != 0:
        sys.exit("protoc failed; its message stands above")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PROTO.parent / "clients" / "python")
