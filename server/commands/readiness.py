"""Asking the core and the edge whether they can serve, until they can."""

import asyncio

_ASK_AGAIN = 0.05
_PATIENCE = 2.0


async def core_serves(address: str, authorities: bytes | None = None) -> None:
    """Returns once the core's health service (grpc.health.v1) says SERVING.

    authorities: those of its certificate, in PEM; None where it speaks plain text.
    """
    # Not at the top: by the time this is asked, the core is loading the same files.
    from grpc import ssl_channel_credentials
    from grpc.aio import AioRpcError, insecure_channel, secure_channel
    from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

    # The channel would wait longer and longer between its attempts to connect.
    options = [(f"grpc.{name}_reconnect_backoff_ms", 50) for name in ("initial", "min", "max")]
    if authorities is None:
        opened = insecure_channel(address, options=options)
    else:
        credentials = ssl_channel_credentials(authorities)
        opened = secure_channel(address, credentials, options=options)
    async with opened as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
        while True:
            try:
                answer = await check(HealthCheckRequest(), timeout=_PATIENCE)
                if answer.status == HealthCheckResponse.SERVING:
                    return
            except AioRpcError:
                pass
            await asyncio.sleep(_ASK_AGAIN)


async def edge_is_ready(host: str, port: int) -> None:
    """Returns once the edge answers 200 to `GET /readyz`."""
    while True:
        if await _status(host, port, "/readyz") == 200:
            return
        await asyncio.sleep(_ASK_AGAIN)


async def _status(host: str, port: int, path: str) -> int:
    """The status of an HTTP/1.1 answer; 0 if there is none."""
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n".encode())
                writer.write(b"Connection: close\r\n\r\n")
                _, status, *_ = (await reader.readline()).split()
                return int(status)
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return 0
