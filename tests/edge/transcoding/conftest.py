"""A contract, a real gRPC server that speaks it, and an HTTP client in front of the transcoder.

The server side uses `google.protobuf`, which shares no code with what the transcoder uses.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import google.api
import grpc
import httpx
import pytest
import pytest_asyncio
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_tools import protoc
from protovalidate import ViolationsPb

from edge.transcoding.asgi import Headers, Scope
from edge.transcoding.fault import Fault
from edge.transcoding.frontier import Answer
from edge.transcoding.route import Route
from edge.transcoding.status import http_status
from edge.transcoding.transcoder import Transcoder

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


@dataclass
class Received:
    """One call that reached the server."""

    rpc: str
    request: Any
    metadata: Mapping[str, str | bytes]
    seconds_left: float | None


Behavior = Callable[[Any, Any], Any]


class Core(grpc.GenericRpcHandler):
    """The gRPC server. An RPC answers with an empty response until a test says otherwise."""

    def __init__(self, contract: bytes) -> None:
        self.pool = DescriptorPool()
        for file in FileDescriptorSet.FromString(contract).file:
            self.pool.Add(file)
        self.calls: list[Received] = []
        self.behaviors: dict[str, Behavior] = {}

    def new(self, name: str, **values: Any) -> Any:
        return GetMessageClass(self.pool.FindMessageTypeByName(name))(**values)

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        service, _, name = details.method.removeprefix("/").partition("/")
        rpc = self.pool.FindServiceByName(service).methods_by_name[name]
        response = GetMessageClass(rpc.output_type)

        def note(request: Any, context: Any) -> None:
            metadata = dict(context.invocation_metadata())
            self.calls.append(Received(name, request, metadata, context.time_remaining()))

        async def unary(request: Any, context: Any) -> Any:
            note(request, context)
            behavior = self.behaviors.get(name)
            return await behavior(request, context) if behavior else response()

        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
            note(request, context)
            async for each in self.behaviors[name](request, context):
                yield each

        make = grpc.unary_unary_rpc_method_handler
        behave: Any = unary
        if rpc.server_streaming:
            make, behave = cast("Any", grpc.unary_stream_rpc_method_handler), stream
        return make(
            behave,
            request_deserializer=GetMessageClass(rpc.input_type).FromString,
            response_serializer=lambda each: (
                each.SerializeToString() if isinstance(each, Message) else each
            ),
        )

    def on(self, rpc: str, behavior: Behavior) -> None:
        self.behaviors[rpc] = behavior

    def answers(self, rpc: str, response: Any) -> None:
        async def behavior(_request: Any, _context: Any) -> Any:
            return response

        self.on(rpc, behavior)

    def fails(self, rpc: str, code: grpc.StatusCode, details: str = "") -> None:
        async def behavior(_request: Any, context: Any) -> Any:
            await context.abort(code, details)

        self.on(rpc, behavior)

    @property
    def request(self) -> Any:
        """The one request that reached the server."""
        (call,) = self.calls
        return call.request


@dataclass(repr=False)
class TestFrontier:
    """A program around the transcoder that lets everything show."""

    __test__ = False

    sent: Sequence[tuple[str, str | bytes]] = (("x-from", "edge"),)
    seconds: float | None = 5.0
    refusal: Fault | None = None
    received: list[tuple[str, str | bytes]] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)

    def metadata(self, scope: Scope) -> Sequence[tuple[str, str | bytes]]:
        self.routes.append(scope["state"]["route"])
        if self.refusal is not None:
            raise self.refusal
        return self.sent

    def timeout(self, scope: Scope, route: Route) -> float | None:
        assert scope["state"]["route"] is route
        return self.seconds

    def answer_headers(self, _scope: Scope, metadata: Sequence[tuple[str, str | bytes]]) -> Headers:
        self.received.extend(metadata)
        return [(key.encode(), str(value).encode()) for key, value in metadata if key == "x-seen"]

    def problem(self, _scope: Scope, error: Fault | grpc.aio.AioRpcError) -> Answer:
        headers: Headers = [(b"content-type", b"application/problem+json")]
        if isinstance(error, Fault):
            document = {
                "reason": error.reason,
                "code": error.code.name,
                "detail": error.detail,
                "errors": [
                    [each.field, each.rule, each.message, dict(each.params)]
                    for each in error.fields
                ],
            }
            return Answer(error.status, headers + error.headers, json.dumps(document).encode())
        document = {"reason": error.details(), "code": error.code().name}
        status = http_status(error.code())
        return Answer(status, headers, json.dumps(document, indent=1).encode())


@dataclass(repr=False)
class Rig:
    """Everything from the HTTP client to the gRPC server."""

    core: Core
    frontier: TestFrontier
    transcoder: Transcoder
    channel: grpc.aio.Channel
    http: httpx.AsyncClient


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


@dataclass(repr=False)
class Raw:
    """A client that speaks ASGI itself, where an HTTP library would tidy up too much."""

    transcoder: Transcoder
    sent: list[dict[str, Any]] = field(default_factory=list)
    """What the transcoder sent."""

    def scope(self, method: str, path: bytes, query: bytes = b"", **headers: str) -> dict[str, Any]:
        return {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": unquote(path.decode("latin-1"), errors="replace"),
            "raw_path": path,
            "query_string": query,
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
        }

    async def ask(self, scope: dict[str, Any], *chunks: bytes) -> httpx.Response:
        """Send a request in chunks; afterwards the client just waits."""
        messages = [
            {"type": "http.request", "body": chunk, "more_body": place < len(chunks)}
            for place, chunk in enumerate(chunks, 1)
        ]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop(0)
            return cast("dict[str, Any]", await asyncio.Event().wait())

        async def send(message: Any) -> None:
            self.sent.append(message)

        await self.transcoder(scope, receive, send)
        start, *rest = self.sent
        content = b"".join(message["body"] for message in rest)
        return httpx.Response(start["status"], headers=start["headers"], content=content)


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
