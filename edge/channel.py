"""The connection to the core."""

from pathlib import Path

import grpc.aio

MAX_MESSAGE = 4 * 1024 * 1024
"""Bytes of the greatest message, both ways."""

_OPTIONS: tuple[tuple[str, int | str], ...] = (
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    # A core that vanished without a word during a stream is noticed within 25 s. Cores take pings
    # that come more often than every 10 s for an attack.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 0),
    # A core that comes back is used within a second. The minimum also bounds how long one attempt
    # to connect may take, and so how long a call can wait for a host that does not answer.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    # The core is a neighbour: a proxy of the environment is meant for the world outside.
    ("grpc.enable_http_proxy", 0),
    # Whether a failed call may be tried again is for the one who makes it to decide.
    ("grpc.enable_retries", 0),
)


def open_channel(target: str, authorities: Path | None = None) -> grpc.aio.Channel:
    """A channel that spreads calls over all addresses of `target`, a gRPC name.

    It connects by itself and again after every loss; calls fail at once while it cannot. Must be
    called, and the channel closed, in the event loop that uses it. With `authorities` it is
    encrypted, and the core shows a certificate of one of them. Raises `OSError` for a file that
    cannot be read.
    """
    if authorities is None:
        return grpc.aio.insecure_channel(target, options=_OPTIONS)
    credentials = grpc.ssl_channel_credentials(authorities.read_bytes())
    return grpc.aio.secure_channel(target, credentials, options=_OPTIONS)
