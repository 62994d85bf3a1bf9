"""The ASGI app that serves a gRPC contract over HTTP."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import grpc

from edge.transcoding.asgi import Receive, Scope, Send
from edge.transcoding.body import (
    ClientGoneError,
    read_body,
    require_json,
    require_none,
    require_plain,
)
from edge.transcoding.channel import Channel
from edge.transcoding.contract import Binding, ContractError, bindings, full_name, read_registry
from edge.transcoding.exchange import Exchange
from edge.transcoding.fault import Fault, FieldFault, invalid
from edge.transcoding.frontier import Answer, Frontier
from edge.transcoding.lexicon import Lexicon
from edge.transcoding.request import RequestMaker
from edge.transcoding.response import ResponseReader
from edge.transcoding.route import Route
from edge.transcoding.router import Match, Router
from edge.transcoding.streaming import StreamServing
from edge.transcoding.unary import UnaryServing

# What may stand in a path as it is (RFC 3986, section 3.3).
_PLAIN: Final = "/:@!$&'()*+,;="


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """All that one binding needs to be served."""

    route: Route
    requests: RequestMaker
    responses: ResponseReader
    serving: UnaryServing | StreamServing


class Transcoder:
    """Serves the RPCs that a contract binds to HTTP, by calling a gRPC server.

    `contract` is a serialized `google.protobuf.FileDescriptorSet` with all imports, `services` the
    full names of those to serve. Bodies beyond `max_body` bytes are refused. In a silent stream of
    events a sign of life is sent every `heartbeat` seconds; a server that begins a stream with
    `silent_start` seconds of silence is taken to have accepted the call.

    `validated` are the full names of the RPCs whose requests are held to the rules of the contract
    here, before the hop; None means all. To be left out are those whose server has something to
    say first, such as that the caller may not call.

    Raises:
        ContractError: The contract cannot be served as it is; see its text.
    """

    def __init__(
        self,
        *,
        contract: bytes,
        services: Collection[str],
        channel: Channel,
        frontier: Frontier,
        max_body: int = 1_048_576,
        heartbeat: float = 15.0,
        silent_start: float = 1.0,
        validated: Collection[str] | None = None,
    ) -> None:
        self._channel = channel
        self._frontier = frontier
        self._max_body = max_body
        self._heartbeat = heartbeat
        self._silent_start = silent_start
        self._validated = validated
        self._lexicon = Lexicon(read_registry(contract))
        self._router: Router[_Endpoint] = Router()
        self._endpoints = [
            self._add(binding) for binding in bindings(self._lexicon.registry, services)
        ]

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routing table, in the order of the contract."""
        return tuple(endpoint.route for endpoint in self._endpoints)

    def warm(self) -> None:
        """Prepare what first requests would otherwise wait for, some milliseconds a type.

        Raises:
            protovalidate.CompilationError: The contract has a validation rule that makes no sense.
        """
        for endpoint in self._endpoints:
            endpoint.requests.warm()
            endpoint.responses.warm()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; WebSockets are refused."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "http":
            raise NotImplementedError(f"{scope['type']} is not served")
        try:
            answer = await self._answer(scope, receive, send)
        except (Fault, grpc.aio.AioRpcError) as error:
            answer = self._frontier.problem(scope, error)
        except ClientGoneError:
            return
        if answer is not None:
            await _send(answer, scope, send)

    def _add(self, binding: Binding) -> _Endpoint:
        rpc = full_name(binding.rpc)
        validates = self._validated is None or rpc in self._validated
        requests = RequestMaker(binding, self._lexicon, validates=validates)
        responses = ResponseReader(binding, self._lexicon)
        serving = self._serving(binding, responses)
        endpoint = _Endpoint(_route(binding), requests, responses, serving)
        try:
            self._router.add(binding.method, binding.template, endpoint)
        except ValueError as error:
            raise ContractError(f"{rpc}: {error}") from error
        return endpoint

    def _serving(self, binding: Binding, responses: ResponseReader) -> UnaryServing | StreamServing:
        path = f"/{binding.rpc.parent.type_name}/{binding.rpc.name}"
        if binding.rpc.method_kind == "unary":
            return UnaryServing(self._channel.unary_unary(path), responses, self._frontier)
        return StreamServing(
            self._channel.unary_stream(path),
            responses,
            self._frontier,
            heartbeat=self._heartbeat,
            silent_start=self._silent_start,
        )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> Answer | None:
        """Return the answer, or None if it has been sent already."""
        path = _path(scope)
        match = self._match(scope["method"], path)
        if match is None:
            return Answer(HTTPStatus.NO_CONTENT, [self._allow(path)], b"")
        endpoint = match.target
        scope.setdefault("state", {})["route"] = endpoint.route
        metadata = self._frontier.metadata(scope)
        head = dict(scope["headers"])
        body = await read_body(scope, head, receive, self._max_body)
        if body:
            _check_body(endpoint.requests, body, head)
        exchange = Exchange(
            scope=scope,
            receive=receive,
            send=send,
            request=endpoint.requests.make(
                match.segments, scope.get("query_string", b""), body, head.get(b"content-type", b"")
            ),
            metadata=metadata,
            timeout=self._frontier.timeout(scope, endpoint.route),
            accept=head.get(b"accept", b""),
        )
        return await endpoint.serving.serve(exchange)

    def _match(self, method: str, path: str) -> Match[_Endpoint] | None:
        """Return what serves a request; None means to list the methods that there are.

        Raises:
            Fault: Nothing serves it.
        """
        match = self._router.match(method, path)
        if match is None and method == "HEAD":
            # RFC 9110, section 9.3.2: the same as GET, without the content.
            match = self._router.match("GET", path)
        if match is None:
            allow = self._allow(path)
            if method != "OPTIONS":
                raise _not_allowed(allow)
        return match

    def _allow(self, path: str) -> tuple[bytes, bytes]:
        """Return the `allow` header for a path.

        Raises:
            Fault: Nothing is there.
        """
        methods = self._router.methods(path)
        if not methods:
            raise _not_found()
        methods.add("OPTIONS")
        if "GET" in methods:
            methods.add("HEAD")
        return b"allow", ", ".join(sorted(methods)).encode()


def _route(binding: Binding) -> Route:
    return Route(
        method=binding.method,
        template=binding.template.text,
        rpc=full_name(binding.rpc),
        request=binding.rpc.input.type_name,
        response=binding.rpc.output.type_name,
        variables=tuple(variable.path for variable in binding.template.variables),
        body=binding.body,
        response_body=binding.response_body,
        server_streaming=binding.rpc.method_kind != "unary",
    )


def _path(scope: Scope) -> str:
    """Return the percent-encoded path of a request, without the prefix the app is mounted at."""
    raw: bytes | None = scope.get("raw_path")
    try:
        path = quote(scope["path"], _PLAIN) if raw is None else raw.decode()
    except UnicodeDecodeError:
        raise invalid([FieldFault("", "path.type", "is not percent-encoded UTF-8")]) from None
    prefix: str = scope.get("root_path", "")
    return path.removeprefix(quote(prefix, _PLAIN)) if prefix else path


def _check_body(requests: RequestMaker, body: bytes, head: Mapping[bytes, bytes]) -> None:
    if not requests.takes_body:
        require_none(body)
    require_plain(head)
    if not requests.takes_raw_body:
        require_json(head)


def _not_found() -> Fault:
    return Fault(
        HTTPStatus.NOT_FOUND, grpc.StatusCode.NOT_FOUND, "ROUTE_NOT_FOUND", "nothing is here"
    )


def _not_allowed(allow: tuple[bytes, bytes]) -> Fault:
    return Fault(
        HTTPStatus.METHOD_NOT_ALLOWED,
        grpc.StatusCode.UNIMPLEMENTED,
        "METHOD_NOT_ALLOWED",
        "this path does not have this method",
        headers=[allow],
    )


async def _send(answer: Answer, scope: Scope, send: Send) -> None:
    headers = answer.headers
    if answer.body and all(name != b"content-length" for name, _ in headers):
        headers = [*headers, (b"content-length", b"%d" % len(answer.body))]
    await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
    body = b"" if scope["method"] == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})
