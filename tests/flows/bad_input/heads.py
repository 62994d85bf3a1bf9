"""Heads of HTTP requests that nobody means well with: methods, paths, queries, headers."""

from collections.abc import Iterator

from tests.flows.bad_input.http1 import Header

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "MKCOL", "PURGE")
"""Those that the parser of the server knows; it takes no others."""
NO_METHODS = ("get", "FOO", "GET\tPOST", "G" * 5000, "\u00c4", "CONNECT", "PRI")

MEDIA_TYPES: tuple[tuple[Header, ...], ...] = (
    (),
    (("content-type", ""),),
    (("content-type", "text/plain"),),
    (("content-type", "application/x-www-form-urlencoded"),),
    (("content-type", "multipart/form-data; boundary=x"),),
    (("content-type", "application/xml"),),
    (("content-type", "application/grpc"),),
    (("content-type", "application/json, text/plain"),),
    (("content-type", "application/json; charset=utf-16"),),
    (("content-type", "application/json-patch+json"),),
    (("content-type", "*/*"),),
    (("content-type", b"application/json\xff"),),
    (("content-type", "text/plain"), ("content-type", "application/xml")),
    (("content-type", "application/json"), ("content-encoding", "gzip")),
    (("content-type", "application/json"), ("content-encoding", "identity, br")),
    (("content-type", "application/json"), ("content-encoding", "\u00e4")),
)

QUERIES = (
    ("nonsense=1", "nonsense"),
    ("=1", '[""]'),
    ("%ff=1", '["%ff"]'),
    ("a%00b=1", None),
    ("__proto__=1", "__proto__"),
    ("a.b.c=1", "a.b.c"),
    ("a[]=1", None),
    ("x" * 5000 + "=1", None),
    (".".join(["a"] * 2000), None),
    ("%zz=1", None),
    ("$alt=json", None),
    ("access_token=x", "access_token"),
)
"""Queries that no RPC has, with the field to name if it is certain."""

PAGES = (
    "/",
    "/account",
    "/assets/limen.js",
    "/dev/mail",
    "/docs",
    "/docs/errors",
    "/healthz",
    "/metrics",
    "/openapi.json",
    "/readyz",
    "/sign-in",
    "/verify-email?token=x",
)
"""What the edge serves besides the API."""

_LONG = "a" * 16_384

HEADERS: tuple[tuple[Header, ...], ...] = (
    (("authorization", f"Bearer {_LONG}"),),
    (("authorization", b"Bearer \xff\xfe\x80"),),
    (("authorization", "Bearer"),),
    (("authorization", "Bearer  a  b"),),
    (("authorization", "Basic YWRtaW46YWRtaW4="),),
    (("authorization", "Digest username=x"),),
    (("authorization", "Bearer a.b.c"), ("authorization", "Bearer d.e.f")),
    (("authorization", "Bearer eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30."),),
    (("cookie", "__Host-limen_session=x"),),
    (("cookie", f"__Host-limen_session=lms_{'x' * 43}"),),
    (("cookie", "__Host-limen_session=a; __Host-limen_session=b"),),
    (("cookie", "__Host-limen_session=a"), ("cookie", "__Host-limen_session=b")),
    (("cookie", ";;;=;a=b;__Host-limen_session"),),
    (("cookie", b"__Host-limen_session=\xff\x80"),),
    (("cookie", f"__Host-limen_session={_LONG}"),),
    (("cookie", "; ".join(f"c{number}=x" for number in range(1000))),),
    (("x-request-id", "a%0d%0ab%00"),),
    (("x-request-id", "short"),),
    (("x-request-id", "a" * 5000),),
    (("x-request-id", b"\xff" * 20),),
    (("x-request-id", "request-1"), ("x-request-id", "request-2")),
    (("accept-language", "de," * 3400),),
    (("accept-language", "\u65e5\u672c\u8a9e"),),
    (("accept-language", "*;q=9, ;;, -, de;q=x"),),
    (("accept-encoding", "gzip;q=\u00e4, *;q=0"),),
    (("accept", "image/png"),),
    (("accept", b"\xff;q=\xff"),),
    (("user-agent", b"\x80\xff" * 400),),
    (("traceparent", "00-" + "0" * 32 + "-" + "0" * 16 + "-00"),),
    (("traceparent", "f" * 4000),),
    (("limen-session", "lms_forged"), ("limen-edge-secret", "guess")),
    (("limen-client-network", "not an address"), ("limen-edge-secret", "")),
    (("limen-session-credential", "x"), ("limen-session-end", "1")),
    (("x-forwarded-for", "6.6.6.6"), ("x-forwarded-proto", "gopher"), ("forwarded", "for=_")),
    (("grpc-timeout", "1n"), ("grpc-encoding", "snappy"), ("te", "trailers")),
    (("grpc-trace-bin", "!!!"), ("custom-bin", "\u00e4")),
    (("origin", "null"),),
    (("origin", b"http://\xff"),),
    (("sec-fetch-site", "cross-site"),),
    (("x-csrf-token", b"\xff\x80"),),
    (("x-http-method-override", "DELETE"),),
    (("if-none-match", '"' * 5000),),
    (("range", "bytes=0-0"),),
    (("expect", "a miracle"),),
    (("upgrade", "websocket"), ("connection", "upgrade"), ("sec-websocket-key", "x")),
    (("upgrade", "h2c"), ("connection", "upgrade, http2-settings"), ("http2-settings", "x")),
    (("host", "evil.example"),),
    tuple((f"x-{number}", "y") for number in range(900)),
)
"""Headers for a request that is right otherwise."""


def paths_beside(path: str) -> Iterator[str]:
    """Paths that look much like one that there is, and lead nowhere, or nowhere good."""
    yield from (beside for beside in _beside(path) if beside != path)


def _beside(path: str) -> Iterator[str]:
    yield from (f"{path}/", f"{path}//", f"/{path}", f"{path}/.", f"{path}/..", f"{path}/x/y")
    yield from (f"{path}%2f", f"{path}%00", f"{path}%0d%0aset-cookie:%20a=b", f"{path}%20")
    yield from (
        f"{path};a=b",
        f"{path}:nonsense",
        f"{path}%3Anonsense",
        f"{path}\\",
        f"{path}.json",
    )
    yield from (f"{path}%", f"{path}%zz", f"{path}%ff", f"{path}%c0%af", f"{path}%ed%a0%80")
    yield from (path.upper(), path.replace("/v1/", "/v2/"), path.replace("/v1/", "/v1/../v1/"))
    yield from (path.replace("/", "%2F"), path.replace("/", "//"), path.replace("/", "\\"))
    yield from (f"{path}{'/a' * 5000}", f"{path}{'a' * 20_000}", "/v1/%2e%2e/%2e%2e/etc/passwd")
