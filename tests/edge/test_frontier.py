from types import SimpleNamespace

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo

from edge import cookies
from edge.frontier import LimenFrontier
from edge.problems import Problems
from edge.transcoding.fault import Fault
from tests.edge.asgi import scope_of
from tests.edge.routes import route_of
from tests.edge.rpc_errors import rpc_error

NOW = 1_800_000_000
COOKIE = (b"cookie", b"__Host-limen_session=credential")
BEGUN = (("limen-session-credential", "fresh"), ("limen-session-expire", str(NOW + 3600)))


PUBLIC = "limen.auth.v1.AuthService.SignIn"
PROTECTED = "limen.auth.v1.AuthService.SignOut"


def asked(*headers, rpc=PUBLIC):
    """A request that the transcoder has found the route of."""
    scope = scope_of("/", *headers)
    scope["state"]["route"] = route_of(rpc=rpc)
    return scope


@pytest.fixture
def frontier(log):
    return LimenFrontier(
        problems=Problems(public_url="https://id.example"),
        log=log,
        public=(PUBLIC,),
        edge_secret="edge-secret",
        timeout=15.0,
        clock=lambda: NOW + 0.9,
    )


def test_the_core_is_told_who_asks(frontier):
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    scope = asked(
        (b"x-request-id", b"request-1"),
        (b"authorization", b"Bearer abc"),
        (b"accept-language", b"de"),
        (b"traceparent", trace),
        (b"user-agent", b"curl/8"),
    )
    assert dict(frontier.metadata(scope)) == {
        "x-request-id": "request-1",
        "authorization": "Bearer abc",
        "accept-language": "de",
        "traceparent": trace.decode(),
        "limen-client-network": "203.0.113.9",
        "limen-client-user-agent": "curl/8",
        "limen-edge-secret": "edge-secret",
    }


def test_the_cookie_becomes_a_credential(frontier):
    metadata = dict(frontier.metadata(asked(COOKIE)))
    assert metadata["limen-session"] == "credential"
    assert "authorization" not in metadata


def test_authorization_wins_over_the_cookie(frontier):
    metadata = dict(frontier.metadata(asked(COOKIE, (b"authorization", b"Bearer abc"))))
    assert "limen-session" not in metadata


@pytest.mark.parametrize(
    ("headers", "rpc", "is_let_through"),
    [
        ((), PROTECTED, False),
        (((b"cookie", b"other=x"),), PROTECTED, False),
        (((b"cookie", b"__Host-limen_session=\xff"),), PROTECTED, False),
        (((b"authorization", b""),), PROTECTED, False),
        ((COOKIE,), PROTECTED, True),
        (((b"authorization", b"anything"),), PROTECTED, True),
        ((), PUBLIC, True),
    ],
)
def test_without_a_credential_only_public_calls_go_on(frontier, headers, rpc, is_let_through):
    scope = asked(*headers, rpc=rpc)
    if is_let_through:
        assert frontier.metadata(scope)
        return
    with pytest.raises(Fault) as refused:
        frontier.metadata(scope)
    assert (refused.value.status, refused.value.reason) == (401, "UNAUTHENTICATED")


def test_no_client_speaks_for_the_edge(frontier):
    forged = [
        (name, b"forged")
        for name in (
            b"limen-session",
            b"limen-client-network",
            b"limen-client-user-agent",
            b"limen-edge-secret",
            b"limen-anything",
            b"x-forwarded-for",
            b"grpc-metadata-limen-session",
            b"grpc-timeout",
            b"te",
            b"custom-bin",
        )
    ]
    metadata = frontier.metadata(asked(*forged))
    assert "forged" not in [value for _, value in metadata]
    assert len(metadata) == len(dict(metadata)) == 3


def test_without_a_secret_none_is_shown(log):
    frontier = LimenFrontier(
        problems=Problems(public_url="https://id.example"),
        log=log,
        public=(PUBLIC,),
        edge_secret="",
        timeout=1,
    )
    assert "limen-edge-secret" not in dict(frontier.metadata(asked()))


@pytest.mark.parametrize(
    "value", [b"Bearer caf\xc3\xa9", b"Bearer \x01", b"Bearer " + b"a" * 7000, b"Bearer a\tb"]
)
def test_an_authorization_that_cannot_travel_is_none(frontier, value):
    header = (b"authorization", value)
    with pytest.raises(Fault) as refused:
        frontier.metadata(asked(header, rpc=PROTECTED))
    assert (refused.value.status, refused.value.reason) == (401, "CREDENTIAL_INVALID")
    assert "authorization" not in dict(frontier.metadata(asked(header)))


def test_streams_have_no_deadline(frontier):
    assert frontier.timeout(scope_of(), SimpleNamespace(server_streaming=True)) is None
    assert frontier.timeout(scope_of(), SimpleNamespace(server_streaming=False)) == 15.0


def test_a_session_that_begins_sets_both_cookies(frontier):
    headers = frontier.answer_headers(scope_of(), BEGUN)
    token = cookies.csrf_token("fresh")
    expected = [value.encode() for value in cookies.begin("fresh", 3600)]
    assert [value for name, value in headers if name == b"set-cookie"] == expected
    assert (b"x-csrf-token", token.encode()) in headers
    assert len(headers) == 3


def test_a_session_that_ends_clears_both_cookies(frontier):
    headers = frontier.answer_headers(scope_of("/", COOKIE), (("limen-session-end", "1"),))
    assert headers == [(b"set-cookie", value.encode()) for value in cookies.end()]


def test_every_answer_to_a_cookie_carries_its_token(frontier):
    token = cookies.csrf_token("credential").encode()
    assert frontier.answer_headers(scope_of("/", COOKIE), ()) == [(b"x-csrf-token", token)]
    assert frontier.answer_headers(scope_of(), ()) == []


def test_a_session_that_replaces_another_brings_its_own_token(frontier):
    headers = frontier.answer_headers(scope_of("/", COOKIE), BEGUN)
    tokens = [value for name, value in headers if name == b"x-csrf-token"]
    assert tokens == [cookies.csrf_token("fresh").encode()]


def test_no_metadata_of_the_core_gets_out(frontier):
    told = (("limen-anything", "x"), ("server-secret", "y"), ("content-type", "z"), *BEGUN)
    names = {name for name, _ in frontier.answer_headers(scope_of(), told)}
    assert names == {b"set-cookie", b"x-csrf-token"}


def test_a_session_without_an_end_is_a_defect_of_the_core(frontier):
    with pytest.raises(ValueError, match="invalid literal"):
        frontier.answer_headers(scope_of(), BEGUN[:1])


def test_a_refusal_may_end_the_session(frontier, log):
    error = rpc_error(
        grpc.StatusCode.UNAUTHENTICATED,
        ErrorInfo(reason="CREDENTIAL_INVALID", domain="limen"),
        trailing=(("limen-session-end", "1"),),
    )
    answer = frontier.problem(scope_of("/", COOKIE), error)
    assert answer.status == 401
    assert len([name for name, _ in answer.headers if name == b"set-cookie"]) == 2
    assert log.lines == []


def test_what_the_core_did_not_explain_is_logged(frontier, log):
    scope = scope_of("/", (b"x-request-id", b"request-1"))
    frontier.problem(scope, rpc_error(grpc.StatusCode.UNAVAILABLE))
    [line] = log.of("core_failed")
    assert (line["code"], line["request_id"]) == ("UNAVAILABLE", "request-1")


def test_a_fault_of_the_edge_is_its_problem(frontier):
    fault = Fault(404, grpc.StatusCode.NOT_FOUND, "ROUTE_NOT_FOUND")
    assert frontier.problem(scope_of(), fault).status == 404
