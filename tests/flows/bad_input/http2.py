"""gRPC calls as bare HTTP/2: they carry metadata that no client of gRPC would send."""

import asyncio
from collections.abc import Iterable

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import Event, ResponseReceived, StreamEnded, StreamReset, TrailersReceived

RawHeader = tuple[bytes, bytes]

_EMPTY_MESSAGE = b"\0" * 5
"""Not compressed, and no bytes long."""
_STREAM = 1


async def status_of(address: str, path: str, metadata: Iterable[RawHeader]) -> int:
    """The gRPC status of a call with an empty message.

    Raises `ConnectionError` when the server answers with no status at all.
    """
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    connection = H2Connection(
        H2Configuration(header_encoding=None, validate_outbound_headers=False)
    )
    connection.initiate_connection()
    connection.send_headers(_STREAM, [*_head(path, address), *metadata])
    connection.send_data(_STREAM, _EMPTY_MESSAGE, end_stream=True)
    try:
        while True:
            writer.write(connection.data_to_send())
            received = await reader.read(65536)
            if not received:
                raise ConnectionError("closed without a status")
            for event in connection.receive_data(received):
                if (status := _status(event)) is not None:
                    return status
    finally:
        writer.close()


def _head(path: str, address: str) -> list[RawHeader]:
    return [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path.encode()),
        (b":authority", address.encode()),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
    ]


def _status(event: Event) -> int | None:
    if isinstance(event, StreamReset | StreamEnded):
        raise ConnectionError(f"ended without a status: {event}")
    if isinstance(event, ResponseReceived | TrailersReceived):
        for name, value in event.headers or ():
            if name == b"grpc-status":
                return int(value)
    return None
