"""The way to limen: how a channel is set up, and `connect`."""

import time
from collections.abc import Iterable

import grpc
from grpc import aio

from limen.client.contract import idempotent_methods, public_paths
from limen.client.credentials import Credential, ProvidedToken, TokenProvider
from limen.client.facade import Limen
from limen.client.interceptors import StreamedCalls, UnaryCalls, UploadedCalls
from limen.client.outbound import Outbound
from limen.client.service_config import service_config
from limen.client.session import Clock
from limen.client.targets import Target, parse_targets
from limen.client.tls import Tls
from limen.client.version import VERSION


def connect(
    target: str | Iterable[str],
    *,
    credentials: grpc.ChannelCredentials | Tls | None = None,
    allow_plaintext: bool = False,
    token: str | TokenProvider | None = None,
    language: str | None = None,
    deadline: float = 5.0,
    wait_for_ready: bool = False,
    keepalive: float = 320.0,
    user_agent: str | None = None,
    clock: Clock = time.time,
) -> Limen:
    """Opens a channel to limen. To be called where an event loop runs, and closed: `async with`.

    target: one address or several, see `limen.client.targets.parse_targets`.
    credentials: TLS, by its files or as `grpc.ssl_channel_credentials()`. None is plaintext, which
        is for this machine alone: passwords and tokens must not cross a network in the clear.
    allow_plaintext: allows it all the same, where something else encrypts the network.
    token: an access token or API key to present, or an async function that gives one.
    language: for messages to people, as in `Accept-Language` (RFC 9110, section 12.5.4).
    deadline: seconds for a call that brings no `timeout`. Streams have none by themselves.
    wait_for_ready: whether calls wait for a server within their deadline or fail at once.
    keepalive: seconds of silence after which to see if the other end is still there. A server
        that is not set up for it takes less than five minutes for abuse and hangs up.
    user_agent: the name and version of the program, for limen's list of sessions.
    clock: for tests.

    Raises ValueError for a target that cannot be read, and for plaintext to another machine;
    OSError for files of TLS that cannot be read.
    """
    place = parse_targets(target)
    if credentials is None and not place.local and not allow_plaintext:
        raise ValueError(
            f"{place.uri} is not on this machine, and plaintext would show passwords and tokens "
            "to the network: give credentials, for instance limen.client.Tls(), or "
            "allow_plaintext=True where something else encrypts it"
        )
    secure = credentials.credentials() if isinstance(credentials, Tls) else credentials
    config = service_config(idempotent_methods(), wait_for_ready=wait_for_ready)
    options = [
        *_options(user_agent, keepalive),
        ("grpc.service_config", config),
        # A proxy from the environment would take what is meant for this machine elsewhere.
        ("grpc.enable_http_proxy", int(not place.local)),
    ]
    public = public_paths()

    def dial(credential: Credential | None) -> aio.Channel:
        outbound = Outbound(credential=credential, language=language, public_paths=public)
        interceptors: list[aio.ClientInterceptor] = [
            UnaryCalls(outbound, deadline),
            StreamedCalls(outbound),
            UploadedCalls(outbound),
        ]
        return _open(place, secure, options, interceptors)

    return Limen(dial, ProvidedToken(token) if token is not None else None, clock)


def _options(user_agent: str | None, keepalive: float) -> list[tuple[str, object]]:
    product = f"limen-client/{VERSION}"
    return [
        ("grpc.secondary_user_agent", f"{user_agent} {product}" if user_agent else product),
        ("grpc.keepalive_time_ms", int(keepalive * 1000)),
        # After a long outage a client should be back within seconds of the server, not minutes.
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 10_000),
        # The service config is this program's, not that of whoever can write a TXT record.
        ("grpc.service_config_disable_resolution", 1),
    ]


def _open(
    place: Target,
    credentials: grpc.ChannelCredentials | None,
    options: list[tuple[str, object]],
    interceptors: list[aio.ClientInterceptor],
) -> aio.Channel:
    if credentials is None:
        return aio.insecure_channel(place.uri, options=options, interceptors=interceptors)
    return aio.secure_channel(place.uri, credentials, options=options, interceptors=interceptors)
