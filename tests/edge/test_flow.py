"""Requests through the whole edge, over real gRPC, to a core that does as it is told."""

import asyncio
import gzip
import time

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, LocalizedMessage, RetryInfo

from edge import cookies
from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from tests.edge.conftest import EDGE_SECRET, PUBLIC_URL
from tests.edge.fake_core import Refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEARER = {"authorization": "Bearer token"}
SIGN_IN = {"email": "ann@example.com", "password": "correct horse"}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
USER = users_pb2.GetUserResponse(user=users_pb2.User(user_id="u1", email="ann@example.com"))


def limen_error(code, reason, *details, **metadata):
    info = ErrorInfo(reason=reason, domain="limen", metadata=metadata)
    return Refused(code, (info, *details))


def begun(credential="credential", lifetime=3600):
    return (
        ("limen-session-credential", credential),
        ("limen-session-expire", str(int(time.time()) + lifetime)),
    )


def csrf(credential="credential"):
    return {"x-csrf-token": cookies.csrf_token(credential)}


async def sign_in(edge, core):
    core.on("SignIn", auth_pb2.SignInResponse(), metadata=begun())
    answer = await edge.post("/v1/auth/sign-in", json=SIGN_IN)
    assert answer.status_code == 200
    return answer


async def test_a_call_goes_through_and_back(edge, core):
    core.on("GetUser", USER)
    answer = await edge.get("/v1/users/me", headers=BEARER)
    assert answer.status_code == 200
    assert answer.json()["email"] == "ann@example.com"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert core.last.request.user_id == "me"


async def test_the_core_hears_of_the_browser_what_it_may(edge, core):
    await edge.get(
        "/v1/users/me",
        headers={
            "authorization": "Bearer token",
            "x-request-id": "request-1",
            "accept-language": "de-AT",
            "traceparent": TRACE,
            "user-agent": "Browser/1",
            "limen-session": "forged",
            "limen-client-network": "127.0.0.1",
            "limen-edge-secret": "forged",
            "x-forwarded-for": "127.0.0.1",
            "cookie": "__Host-limen_session=ignored",
        },
    )
    told = core.last.metadata
    assert told["authorization"] == "Bearer token"
    assert told["x-request-id"] == "request-1"
    assert told["accept-language"] == "de-AT"
    assert told["traceparent"] == TRACE
    assert told["limen-client-user-agent"] == "Browser/1"
    assert told["limen-client-network"] == "203.0.113.9"
    assert told["limen-edge-secret"] == EDGE_SECRET
    assert "limen-session" not in told
    assert "forged" not in told.values()


async def test_signing_in_sets_the_cookies_and_shows_no_metadata(edge, core):
    answer = await sign_in(edge, core)
    session, csrf_cookie = answer.headers.get_list("set-cookie")
    assert session.startswith("__Host-limen_session=credential; Max-Age=3")
    assert session.endswith("Path=/; Secure; HttpOnly; SameSite=Lax")
    assert csrf_cookie.startswith(f"__Host-limen_csrf={cookies.csrf_token('credential')};")
    assert answer.headers["x-csrf-token"] == cookies.csrf_token("credential")
    assert not [name for name in answer.headers if name.startswith("limen")]


async def test_the_cookie_signs_in_and_brings_the_token(edge, core):
    await sign_in(edge, core)
    core.on("GetUser", USER)
    answer = await edge.get("/v1/users/me")
    assert core.last.metadata["limen-session"] == "credential"
    assert answer.headers["x-csrf-token"] == cookies.csrf_token("credential")


async def test_signing_out_ends_the_cookies(edge, core):
    await sign_in(edge, core)
    core.on("SignOut", metadata=(("limen-session-end", "1"),))
    answer = await edge.post("/v1/auth/sign-out", json={}, headers=csrf())
    assert answer.status_code == 200
    assert all("Max-Age=0" in value for value in answer.headers.get_list("set-cookie"))
    assert "x-csrf-token" not in answer.headers
    await edge.get("/v1/users/me", headers=BEARER)
    assert "limen-session" not in core.last.metadata


@pytest.mark.parametrize(
    "headers",
    [
        {},
        csrf("other"),
        {**csrf(), "origin": "https://evil.example"},
        {**csrf(), "sec-fetch-site": "cross-site"},
        {**csrf(), "origin": "null"},
    ],
)
async def test_forged_changes_do_not_reach_the_core(edge, core, headers):
    await sign_in(edge, core)
    calls = len(core.calls)
    answer = await edge.post("/v1/auth/sign-out", json={}, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == "CSRF_REJECTED"
    assert answer.json()["instance"] == answer.headers["x-request-id"]
    assert len(core.calls) == calls


async def test_a_page_of_our_own_may_change_things(edge, core):
    await sign_in(edge, core)
    headers = {**csrf(), "origin": PUBLIC_URL, "sec-fetch-site": "same-origin"}
    answer = await edge.post("/v1/auth/sign-out", json={}, headers=headers)
    assert answer.status_code == 200


async def test_nobody_is_signed_in_to_an_account_of_another(edge, core):
    headers = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    answer = await edge.post("/v1/auth/sign-in", json=SIGN_IN, headers=headers)
    assert answer.json()["reason"] == "CSRF_REJECTED"
    assert core.calls == []


async def test_a_refusal_of_the_core_is_a_problem_in_its_words(edge, core):
    core.on(
        "GetUser",
        refused=limen_error(
            grpc.StatusCode.NOT_FOUND,
            "NOT_FOUND",
            LocalizedMessage(locale="de", message="Gibt es nicht."),
            resource="user",
        ),
    )
    answer = await edge.get("/v1/users/me", headers={**BEARER, "accept-language": "de"})
    problem = answer.json()
    assert answer.status_code == 404
    assert problem["detail"] == "Gibt es nicht."
    assert problem["metadata"] == {"resource": "user"}
    assert problem["type"] == f"{PUBLIC_URL}/docs/errors#NOT_FOUND"
    assert "programmers" not in answer.text


async def test_fields_are_named_as_in_json(edge, core):
    violation = BadRequest.FieldViolation(field="display_name", reason="r", description="d")
    core.on(
        "SignUp",
        refused=limen_error(
            grpc.StatusCode.INVALID_ARGUMENT,
            "INVALID_REQUEST",
            BadRequest(field_violations=[violation]),
        ),
    )
    answer = await edge.post("/v1/auth/sign-up", json=SIGN_IN)
    assert answer.json()["errors"] == [{"field": "displayName", "reason": "r", "message": "d"}]


async def test_strangers_learn_first_that_they_are_strangers(edge, core):
    for method, path, body in (
        ("GET", "/v1/users/me", b""),
        ("GET", "/v1/users/nobody?no=such", b""),
        ("GET", "/v1/audit/events:watch", b""),
        ("POST", "/v1/users", b"{"),
        ("POST", "/v1/users", b"x" * 1_048_577),
        ("PATCH", "/v1/users/me", b'{"displayName": 1}'),
    ):
        answer = await edge.request(method, path, content=body, headers={"accept-language": "de"})
        problem = answer.json()
        assert (answer.status_code, problem["reason"]) == (401, "UNAUTHENTICATED")
        assert problem["errors"] == []
        assert answer.headers["content-language"] == "de"
        assert answer.headers["www-authenticate"] == 'Bearer realm="limen"'
    assert core.calls == []
    assert (await edge.get("/v1/users", headers={"cookie": "__Host-limen_session=x"})).is_success
    assert (await edge.get("/.well-known/jwks.json")).is_success


async def test_fields_of_a_body_that_is_one_field_are_named_as_they_are_sent(edge, core):
    faulty = {"displayName": "x" * 101, "locale": 7, "nonsense": True}
    answer = await edge.patch("/v1/users/me", json=faulty, headers=BEARER)
    assert [each["field"] for each in answer.json()["errors"]] == ["locale", "nonsense"]
    answer = await edge.patch("/v1/users/me?user.userId=x&user=y", json={}, headers=BEARER)
    assert [each["field"] for each in answer.json()["errors"]] == ["user.userId", "user"]
    violations = [
        BadRequest.FieldViolation(field=field, reason="r", description="d")
        for field in ("user.display_name", "user.user_id", "update_mask")
    ]
    core.on(
        "UpdateUser",
        refused=limen_error(
            grpc.StatusCode.INVALID_ARGUMENT,
            "INVALID_REQUEST",
            BadRequest(field_violations=violations),
        ),
    )
    answer = await edge.patch("/v1/users/me", json={}, headers=BEARER)
    named = [each["field"] for each in answer.json()["errors"]]
    assert named == ["displayName", "userId", "updateMask"]


async def test_a_wait_is_told(edge, core):
    wait = RetryInfo(retry_delay=Duration(seconds=41, nanos=1))
    core.on(
        "SignIn", refused=limen_error(grpc.StatusCode.RESOURCE_EXHAUSTED, "SIGN_IN_LOCKED", wait)
    )
    answer = await edge.post("/v1/auth/sign-in", json=SIGN_IN)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "42")


async def test_who_must_sign_in_is_told_how(edge, core):
    core.on("GetUser", refused=limen_error(grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID"))
    answer = await edge.get("/v1/users/me", headers={"authorization": "Bearer old"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="limen", error="invalid_token"'


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("GET", "/v1/nothing", None, 404, "ROUTE_NOT_FOUND"),
        ("GET", "/v1", None, 404, "ROUTE_NOT_FOUND"),
        ("GET", "/v1/", None, 404, "ROUTE_NOT_FOUND"),
        ("GET", "/nothing", None, 404, "ROUTE_NOT_FOUND"),
        ("GET", "/healthz/", None, 404, "ROUTE_NOT_FOUND"),
        ("GET", "/assets/../settings.py", None, 404, "ROUTE_NOT_FOUND"),
        ("GET", "/assets/%2e%2e%2fsettings.py", None, 404, "ROUTE_NOT_FOUND"),
        ("DELETE", "/v1/users", None, 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/healthz", None, 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/.well-known/jwks.json", b"{}", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/v1/auth/sign-in", b"x" * 1_048_577, 413, "REQUEST_TOO_LARGE"),
        ("POST", "/v1/auth/sign-in", b"[", 400, "INVALID_REQUEST"),
        ("POST", "/v1/auth/sign-in", b"\xff", 400, "INVALID_REQUEST"),
        ("POST", "/v1/auth/sign-in", rb'{"\ud800":"\udfff"}', 400, "INVALID_REQUEST"),
        ("POST", "/v1/auth/sign-in", rb'{"email":"\ud800"}', 400, "INVALID_REQUEST"),
        ("GET", "/v1/users?pageSize=x", None, 400, "INVALID_REQUEST"),
        ("GET", "/v1/users?%ff=%ff", None, 400, "INVALID_REQUEST"),
    ],
)
async def test_every_fault_is_a_problem(edge, core, method, path, body, status, reason):
    headers = {**BEARER, "content-type": "application/json", "x-request-id": "request-1"}
    answer = await edge.request(method, path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == answer.json()["instance"] == "request-1"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert (status == 405) is ("allow" in answer.headers)
    assert core.calls == []


async def test_a_wrong_content_type_is_415(edge):
    answer = await edge.post(
        "/v1/auth/sign-in", content=b"<a/>", headers={"content-type": "application/xml"}
    )
    assert (answer.status_code, answer.json()["reason"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_faults_of_fields_are_worded_in_the_callers_language(edge):
    answers = [
        await edge.post(
            "/v1/auth/sign-in", json={**SIGN_IN, "email": "x"}, headers={"accept-language": each}
        )
        for each in ("de", "en")
    ]
    german, english = (answer.json()["errors"][0] for answer in answers)
    assert german["field"] == english["field"] == "email"
    assert german["message"] != english["message"]
    assert [answer.headers["content-language"] for answer in answers] == ["de", "en"]


async def test_a_dead_core_is_unavailable_and_noticed_when_it_comes_back(edge, core):
    core.on("GetUser", USER)
    assert (await edge.get("/v1/users/me", headers=BEARER)).status_code == 200
    await core.stop()
    answer = await asyncio.wait_for(edge.get("/v1/users/me", headers=BEARER), 5)
    assert (answer.status_code, answer.json()["reason"]) == (503, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"
    await core.start()
    async with asyncio.timeout(10):
        while (await edge.get("/v1/users/me", headers=BEARER)).status_code != 200:
            pass


async def test_a_slow_core_is_a_timeout(open_edge, core):
    edge = await open_edge(request_timeout=0.05)
    core.on("GetUser", USER, wait=asyncio.Event())
    answer = await edge.get("/v1/users/me", headers=BEARER)
    assert (answer.status_code, answer.json()["reason"]) == (504, "DEADLINE_EXCEEDED")


async def test_what_the_edge_cannot_handle_is_told_by_its_id_alone(edge, core, house):
    core.on("SignIn", metadata=(("limen-session-credential", "no-expiry-given"),))
    answer = await edge.post("/v1/auth/sign-in", json=SIGN_IN)
    assert (answer.status_code, answer.json()["reason"]) == (500, "INTERNAL")
    assert "set-cookie" not in answer.headers
    assert "no-expiry" not in answer.text
    assert house.log.of("request_failed")[0]["request_id"] == answer.json()["instance"]


async def test_keys_may_be_kept_by_everyone(edge, core):
    key = auth_pb2.Jwk(kty="OKP", crv="Ed25519", x="abc", kid="k1", alg="EdDSA", use="sig")
    core.on("GetJwks", auth_pb2.GetJwksResponse(keys=[key]))
    cookie = {"cookie": "__Host-limen_session=credential"}
    answer = await edge.get("/.well-known/jwks.json", headers=cookie)
    assert answer.json()["keys"][0]["kid"] == "k1"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert not {"x-csrf-token", "set-cookie"} & set(answer.headers)
    tag = {"if-none-match": answer.headers["etag"]}
    again = await edge.get("/.well-known/jwks.json", headers=tag)
    assert (again.status_code, again.content) == (304, b"")


async def test_large_answers_are_compressed_for_tokens_and_not_for_cookies(edge, core):
    users = [users_pb2.User(user_id=f"u{number}") for number in range(100)]
    core.on("ListUsers", users_pb2.ListUsersResponse(users=users))
    async with edge.stream("GET", "/v1/users", headers=BEARER) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert b"u99" in gzip.decompress(raw)
    cookie = {"cookie": "__Host-limen_session=credential"}
    answer = await edge.get("/v1/users", headers=cookie)
    assert "content-encoding" not in answer.headers


async def test_a_listed_origin_may_use_the_cookie(open_edge, core):
    edge = await open_edge(cors_origins=("https://app.example",))
    app = {"origin": "https://app.example", "sec-fetch-site": "same-site"}
    await sign_in(edge, core)
    answer = await edge.post("/v1/auth/sign-out", json={}, headers={**csrf(), **app})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    refused = await edge.post("/v1/auth/sign-out", json={}, headers=app)
    assert refused.status_code == 403
    assert refused.headers["access-control-allow-origin"] == "https://app.example"


async def test_in_development_the_host_that_was_asked_for_is_ours(open_edge):
    headers = {"origin": "http://localhost:8080", "host": "localhost:8080"}
    development = await open_edge(profile="development")
    assert (
        await development.post("/v1/auth/sign-in", json=SIGN_IN, headers=headers)
    ).status_code == 200
    other = await open_edge()
    assert (await other.post("/v1/auth/sign-in", json=SIGN_IN, headers=headers)).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"])
async def test_in_development_cookies_work_whatever_the_public_url(open_edge, core, host):
    edge = await open_edge(profile="development", public_url="https://elsewhere.example")
    page = {"origin": f"http://{host}", "host": host, "sec-fetch-site": "same-origin"}
    core.on("SignIn", auth_pb2.SignInResponse(), metadata=begun())
    answer = await edge.post("/v1/auth/sign-in", json=SIGN_IN, headers=page)
    session, csrf_cookie = (each.split(";")[0] for each in answer.headers.get_list("set-cookie"))
    signed_in = {**page, **csrf(), "cookie": f"{session}; {csrf_cookie}"}
    answer = await edge.post("/v1/auth/sign-out", json={}, headers=signed_in)
    assert answer.status_code == 200
    assert core.last.metadata["limen-session"] == "credential"


async def test_a_full_edge_says_so(open_edge, core):
    edge = await open_edge(max_in_flight=1)
    gate = asyncio.Event()
    core.on("GetUser", USER, wait=gate)
    slow = asyncio.create_task(edge.get("/v1/users/me", headers=BEARER))
    await core.was_called.wait()
    answer = await edge.get("/v1/users/me", headers=BEARER)
    assert (answer.status_code, answer.json()["reason"]) == (503, "OVERLOADED")
    assert (await edge.get("/healthz")).status_code == 200
    gate.set()
    assert (await slow).status_code == 200


async def test_the_log_names_routes_and_no_secrets(edge, house):
    await edge.get("/v1/users/some-id", headers={"authorization": "Bearer hunter2"})
    await edge.get("/verify-email?token=hunter2")
    await edge.get("/v1/hunter2")
    await edge.get("/hunter2")
    routes = [line["route"] for line in house.log.of("request")]
    assert routes == ["/v1/users/{user_id}", "/verify-email", "unmatched", "unmatched"]
    assert "hunter2" not in repr(house.log.lines)
