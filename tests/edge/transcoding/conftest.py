"""A contract, a real gRPC server that speaks it, and an HTTP client in front of the transcoder."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import google.api
import grpc
import httpx
import pytest
import pytest_asyncio
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc
from protovalidate import ViolationsPb

from edge.transcoding.transcoder import Transcoder
from tests.edge.transcoding.core import Core
from tests.edge.transcoding.rig import Raw, Rig, TestFrontier

HERE = Path(__file__).parent
SITE_PACKAGES = Path(next(iter(google.api.__path__))).parents[1]

Compile = Callable[..., bytes]


def _vocabulary() -> bytes:
    """`buf/validate/validate.proto` with what it imports, as protoc wants to be given it."""
    files: dict[str, FileDescriptorProto] = {}

    def add(file: Any) -> None:
        for dependency in file.dependencies:
            add(dependency)
        files[file.name] = FileDescriptorProto.FromString(file.proto.to_binary())

    add(ViolationsPb.desc().file)
    return FileDescriptorSet(file=files.values()).SerializeToString()


@pytest.fixture(scope="session")
def compile_proto(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """Compiles a `.proto` file, given by path or by text, with all that it imports."""

    def compile_proto(source: Path | str) -> bytes:
        folder = tmp_path_factory.mktemp("proto")
        (folder / "vocabulary.binpb").write_bytes(_vocabulary())
        text = source if isinstance(source, str) else source.read_text()
        (folder / "contract.proto").write_text(text)
        status = protoc.main(
            [
                "protoc",
                f"--proto_path={folder}",
                f"--proto_path={SITE_PACKAGES}",
                f"--proto_path={Path(protoc.__file__).parent / '_proto'}",
                f"--descriptor_set_in={folder / 'vocabulary.binpb'}",
                "--include_imports",
                f"--descriptor_set_out={folder / 'contract.binpb'}",
                "contract.proto",
            ]
        )
        assert status == 0
        return (folder / "contract.binpb").read_bytes()

    return compile_proto


@pytest.fixture(scope="session")
def library(compile_proto: Compile) -> bytes:
    return compile_proto(HERE / "library.proto")


@pytest.fixture(scope="session")
def everything(compile_proto: Compile) -> bytes:
    return compile_proto(HERE / "everything.proto")


MakeRig = Callable[..., AbstractAsyncContextManager[Rig]]


@pytest.fixture(scope="session")
def make_rig() -> MakeRig:
    """Builds a rig for a contract; options go to the transcoder."""

    @asynccontextmanager
    async def make(contract: bytes, service: str, **options: Any) -> AsyncIterator[Rig]:
        core = Core(contract)
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((core,))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        frontier = TestFrontier()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            transcoder = Transcoder(
                contract=contract,
                services=[service],
                channel=channel,
                frontier=frontier,
                # So that no test depends on how busy the machine is.
                **{"silent_start": 60.0, **options},
            )
            transport = httpx.ASGITransport(app=cast("Any", transcoder))
            async with httpx.AsyncClient(transport=transport, base_url="http://edge") as http:
                yield Rig(core, frontier, transcoder, channel, http)
        await server.stop(None)

    return make


@pytest.fixture
async def rig(make_rig: MakeRig, library: bytes) -> AsyncIterator[Rig]:
    async with make_rig(library, "library.v1.Library") as rig:
        yield rig


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mirror(make_rig: MakeRig, everything: bytes) -> AsyncIterator[Rig]:
    """A rig whose server sends every request back."""

    async def reflect(request: Any, _context: Any) -> Any:
        return request

    async with make_rig(everything, "everything.v1.Mirror") as rig:
        rig.core.on("Reflect", reflect)
        yield rig


@pytest.fixture
def raw(rig: Rig) -> Raw:
    return Raw(rig.transcoder)


Faults = Callable[[httpx.Response], list[tuple[str, str]]]


@pytest.fixture
def faults() -> Faults:
    """Reads field and rule of every fault from an answer, which must be a 400."""

    def faults(response: httpx.Response) -> list[tuple[str, str]]:
        assert response.status_code == 400, response.text
        document = response.json()
        assert document["reason"] == "INVALID_REQUEST"
        assert document["code"] == "INVALID_ARGUMENT"
        return [(place, rule) for place, rule, _, _ in document["errors"]]

    return faults


@pytest.fixture
def reflect(mirror):
    """Sends a body to be sent back, and returns the answer."""
    mirror.core.calls.clear()

    async def reflect(body: str | bytes) -> httpx.Response:
        headers = {"content-type": "application/json"}
        return await mirror.http.post("/v1/mirror", content=body, headers=headers)

    return reflect
