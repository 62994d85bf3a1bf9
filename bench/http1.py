"""A small HTTP/1.1 client on kept-alive connections: httpx would cost more than what it calls."""

import asyncio
import json
from collections.abc import Mapping
from typing import cast

import httptools


class HttpStatusError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"HTTP status {status}: {body[:200]!r}")
        self.status = status


class HttpClient:
    """Sends each request on an idle connection, or on a new one if there is none."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._idle: list[_Connection] = []

    async def get(self, path: str, headers: Mapping[str, str]) -> bytes:
        """The body of the answer. Raises `HttpStatusError`."""
        return await self._exchange("GET", path, headers, b"")

    async def post(self, path: str, content: object) -> bytes:
        """Posts JSON; returns the body of the answer. Raises `HttpStatusError`."""
        headers = {"content-type": "application/json"}
        return await self._exchange("POST", path, headers, json.dumps(content).encode())

    def close(self) -> None:
        """Closes the idle connections."""
        for connection in self._idle:
            connection.close()

    async def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"host: {self._host}:{self._port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body:
            lines.append(f"content-length: {len(body)}")
        connection = self._idle.pop() if self._idle else await self._connect()
        status, answer = await connection.exchange("\r\n".join([*lines, "", ""]).encode() + body)
        self._idle.append(connection)
        if status != 200:
            raise HttpStatusError(status, answer)
        return answer

    async def _connect(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(_Connection, self._host, self._port))[1]


class _Connection(asyncio.Protocol):
    """One request at a time. The methods named `on_` are called by the parser."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        """The status and body of the answer. Raises `ConnectionError`."""
        if self._transport is None:
            raise ConnectionResetError("the server has closed the connection")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("the server closed the connection"))

    def on_message_begin(self) -> None:
        self._body = []

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), b"".join(self._body)))
