"""HTTP/1.1 as bytes: it sends what no library would, and reads what comes back."""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

Header = tuple[str | bytes, str | bytes]

_SHOWN = 300


@dataclass(frozen=True)
class Reply:
    """One answer."""

    request: bytes
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def __getitem__(self, name: str) -> str:
        """The value of a header that stands there once; empty where it does not stand."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} stands {len(values)} times in {self}"
        return values[0] if values else ""

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def __repr__(self) -> str:
        return f"{self.request[:_SHOWN]!r} -> {self.status} {self.headers} {self.body[:2000]!r}"


class Http:
    """Connections to one server. Each is used by one exchange at a time, and kept."""

    def __init__(self, address: str) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(
        self,
        method: str,
        target: str | bytes,
        headers: Iterable[Header] = (),
        body: bytes | None = None,
        *,
        head_only: bool = False,
    ) -> Reply:
        """Sends a request with these headers, and `host` and `content-length` besides.

        With `head_only` the body of a success, which may be endless, is not waited for.
        """
        own: list[Header] = [("host", f"{self._host}:{self._port}")]
        if body is not None:
            own.append(("content-length", str(len(body))))
        lines = [b"%s %s HTTP/1.1" % (_bytes(method), _bytes(target))]
        lines += [b"%s: %s" % (_bytes(name), _bytes(value)) for name, value in (*own, *headers)]
        return await self.exchange(b"\r\n".join([*lines, b"", body or b""]), head_only=head_only)

    async def exchange(self, request: bytes, *, head_only: bool = False) -> Reply:
        """Sends bytes and reads one answer."""
        while True:
            is_kept = bool(self._idle)
            reader, writer = self._idle.pop() if is_kept else await self._open()
            try:
                writer.write(request)
                reply = await _read(reader, request, head_only=head_only)
            except (ConnectionError, asyncio.IncompleteReadError):
                await _close(writer)
                if is_kept:  # It had been closed before it was used again.
                    continue
                raise
            if (head_only and reply.status < 400) or "close" in reply["connection"]:
                await _close(writer)
            else:
                self._idle.append((reader, writer))
            return reply

    async def close(self) -> None:
        while self._idle:
            await _close(self._idle.pop()[1])

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._host, self._port)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def _read(reader: asyncio.StreamReader, request: bytes, *, head_only: bool) -> Reply:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status_line, *lines = head.rstrip("\r\n").split("\r\n")
    headers = tuple(
        (name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)
    )
    status = int(status_line.split(" ")[1])
    found = dict(headers)
    body = b""
    if (head_only and status < 400) or request.startswith(b"HEAD ") or status in (204, 304):
        pass
    elif "content-length" in found:
        body = await reader.readexactly(int(found["content-length"]))
    elif "chunked" in found.get("transfer-encoding", ""):
        body = await _read_chunks(reader)
    return Reply(request, status, headers, body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8")
