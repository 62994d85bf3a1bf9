"""Valkey (or Redis): the connection that rate limits and the broker share, and its absence."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

OUTAGES = (RedisError, OSError)
"""What a call raises when Valkey is away, slow or out of memory."""


def connect(url: str, *, pool: int = 32, timeout: float = 0.25) -> Redis:
    """A pooled client that gives up after `timeout` seconds instead of making callers wait."""
    return Redis(
        connection_pool=BlockingConnectionPool.from_url(
            url,
            max_connections=pool,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 1),
            health_check_interval=30,
        )
    )


async def ping(client: Redis) -> None:
    """Makes one round trip. Raises one of `OUTAGES` when that fails."""
    await client.ping()
