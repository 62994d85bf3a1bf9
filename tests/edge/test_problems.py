import grpc
import orjson
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, LocalizedMessage, RetryInfo

from edge.contract import read_contract
from edge.facts import Facts
from edge.openapi.contract import Contract
from edge.openapi.reasons import read_reasons
from edge.problems import Problems
from edge.refusals import is_explained
from edge.transcoding.fault import Fault, FieldFault
from tests.edge.routes import route_of
from tests.edge.rpc_errors import rpc_error

PROBLEMS = Problems(public_url="https://id.example")
Code = grpc.StatusCode


def info(reason, domain="limen", **metadata):
    return ErrorInfo(reason=reason, domain=domain, metadata=metadata)


def problem(error, **facts):
    facts = {"request_id": "request-1", "method": "POST"} | facts
    answer = PROBLEMS.of(error, Facts(**facts))
    headers = dict(answer.headers)
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"content-length"] == str(len(answer.body)).encode()
    assert headers[b"cache-control"] == b"no-store"
    document = orjson.loads(answer.body)
    assert document["status"] == answer.status
    return document, headers


def test_a_refusal_of_the_core_is_told_in_its_words():
    error = rpc_error(
        Code.PERMISSION_DENIED,
        info("PERMISSION_DENIED", permission="users.read"),
        LocalizedMessage(locale="de", message="Dafür fehlt Ihnen ein Recht."),
    )
    document, headers = problem(error, language="fr")
    assert document == {
        "type": "https://id.example/docs/errors#PERMISSION_DENIED",
        "title": "Nicht erlaubt",
        "status": 403,
        "detail": "Dafür fehlt Ihnen ein Recht.",
        "instance": "request-1",
        "code": "PERMISSION_DENIED",
        "reason": "PERMISSION_DENIED",
        "errors": [],
        "metadata": {"permission": "users.read"},
    }
    assert headers[b"content-language"] == b"de"


def test_each_fault_of_a_field_is_told():
    violation = BadRequest.FieldViolation(
        field="user.display_name",
        reason="string.max_len",
        description="too long",
        localized_message=LocalizedMessage(locale="de", message="Höchstens 100 Zeichen."),
    )
    unworded = BadRequest.FieldViolation(field="page_size", reason="int32.gte", description="low")
    request = BadRequest(field_violations=[violation, unworded])
    document, _ = problem(rpc_error(Code.INVALID_ARGUMENT, info("INVALID_REQUEST"), request))
    assert document["status"] == 400
    assert document["errors"] == [
        {
            "field": "user.displayName",
            "reason": "string.max_len",
            "message": "Höchstens 100 Zeichen.",
        },
        {"field": "pageSize", "reason": "int32.gte", "message": "low"},
    ]


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        (Duration(seconds=30), b"30"),
        (Duration(seconds=30, nanos=1), b"31"),
        (Duration(nanos=1000), b"1"),
        (Duration(), b"1"),
    ],
)
def test_the_wait_is_in_whole_seconds_rounded_up(delay, seconds):
    error = rpc_error(Code.RESOURCE_EXHAUSTED, info("RATE_LIMITED"), RetryInfo(retry_delay=delay))
    document, headers = problem(error)
    assert document["status"] == 429
    assert headers[b"retry-after"] == seconds


def test_without_a_wait_there_is_none():
    assert b"retry-after" not in problem(rpc_error(Code.NOT_FOUND, info("NOT_FOUND")))[1]


def test_a_core_that_is_away_is_told_in_the_words_of_the_edge():
    document, headers = problem(rpc_error(Code.UNAVAILABLE), language="de-DE,de;q=0.9")
    assert (document["status"], document["reason"]) == (503, "UNAVAILABLE")
    assert headers[b"retry-after"] == b"1"
    assert headers[b"content-language"] == b"de"
    assert "programmers" not in document["detail"]
    assert document["title"] != problem(rpc_error(Code.UNAVAILABLE))[0]["title"]


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK])
def test_every_code_becomes_a_problem_that_gives_nothing_away(code):
    document, _ = problem(rpc_error(code))
    assert document["status"] >= 400
    expected = Code.UNAVAILABLE if code is Code.CANCELLED else code
    assert document["code"] == expected.name
    assert document["reason"]
    assert b"programmers" not in orjson.dumps(document)


def test_reasons_of_others_are_not_ours():
    error = rpc_error(Code.UNAVAILABLE, info("DNS", domain="example.com", secret="x"))
    assert not is_explained(error)
    document, _ = problem(error)
    assert document["reason"] == "UNAVAILABLE"
    assert "metadata" not in document


def test_broken_details_are_no_details():
    error = rpc_error(Code.NOT_FOUND, trailing=(("grpc-status-details-bin", b"\xff\xff\xff"),))
    assert problem(error)[0]["reason"] == "NOT_FOUND"


def test_the_core_may_find_a_request_too_large():
    error = rpc_error(Code.RESOURCE_EXHAUSTED, info("REQUEST_TOO_LARGE"))
    assert problem(error)[0]["status"] == 413


INVALID_TOKEN = b'Bearer realm="limen", error="invalid_token"'


@pytest.mark.parametrize(
    ("reason", "facts", "challenge"),
    [
        ("UNAUTHENTICATED", {}, b'Bearer realm="limen"'),
        ("CREDENTIAL_INVALID", {"authorization": b"Bearer x"}, INVALID_TOKEN),
        ("CREDENTIAL_INVALID", {"session": "x"}, INVALID_TOKEN),
        ("SIGN_IN_FAILED", {"authorization": b"Bearer x"}, b'Bearer realm="limen"'),
    ],
)
def test_who_is_not_signed_in_is_told_how(reason, facts, challenge):
    _, headers = problem(rpc_error(Code.UNAUTHENTICATED, info(reason)), **facts)
    assert headers[b"www-authenticate"] == challenge


def test_who_must_prove_it_again_is_told_how_fresh():
    error = rpc_error(Code.UNAUTHENTICATED, info("PROOF_TOO_OLD", maxAgeSeconds="300"))
    _, headers = problem(error, authorization=b"Bearer x")
    assert headers[b"www-authenticate"] == (
        b'Bearer realm="limen", error="insufficient_user_authentication", max_age="300"'
    )


def test_faults_of_the_edge_are_worded_here():
    fields = [
        FieldFault("email", "string.email", "value must be an e-mail address"),
        FieldFault("x", "no.such_rule", "in English"),
    ]
    fault = Fault(400, Code.INVALID_ARGUMENT, "INVALID_REQUEST", "for programmers", fields=fields)
    german, headers = problem(fault, language="de")
    english, _ = problem(fault)
    assert headers[b"content-language"] == b"de"
    assert [each["field"] for each in german["errors"]] == ["email", "x"]
    assert german["errors"][0]["reason"] == "string.email"
    assert german["errors"][0]["message"] != english["errors"][0]["message"]
    assert german["errors"][1]["message"] == "in English"
    assert german["detail"] != english["detail"]


def test_faults_bring_their_headers():
    fault = Fault(405, Code.UNIMPLEMENTED, "METHOD_NOT_ALLOWED", headers=[(b"allow", b"GET, PUT")])
    document, headers = problem(fault)
    assert document["status"] == 405
    assert headers[b"allow"] == b"GET, PUT"


def test_a_defect_shows_the_request_id_alone():
    answer = PROBLEMS.unexpected(Facts(request_id="request-1", method="GET"))
    document = orjson.loads(answer.body)
    assert (document["status"], document["reason"]) == (500, "INTERNAL")
    assert document["instance"] == "request-1"


CONTRACT = read_reasons(Contract(read_contract()))


@pytest.mark.parametrize("name", CONTRACT)
def test_every_reason_of_the_contract_has_its_status_and_words(name):
    reason = CONTRACT[name]
    fault = Fault(reason.status, Code[reason.code], name)
    document, _ = problem(fault)
    assert (document["reason"], document["code"], document["status"]) == (
        name,
        reason.code,
        reason.status,
    )
    unknown, _ = problem(Fault(418, Code.UNKNOWN, "NO_SUCH_REASON"))
    assert document["title"] != unknown["title"]
    assert document["detail"] != unknown["detail"]


def test_fields_of_the_edge_and_of_the_core_are_named_as_they_are_sent():
    route = route_of("user")
    violations = [
        BadRequest.FieldViolation(field="user.display_name", reason="r", description="d"),
        BadRequest.FieldViolation(field="update_mask", reason="r", description="d"),
    ]
    core = rpc_error(
        Code.INVALID_ARGUMENT,
        info("INVALID_REQUEST"),
        BadRequest(field_violations=violations),
    )
    faults = [FieldFault("user.displayName", "r", "d"), FieldFault("updateMask", "r", "d")]
    edge = Fault(400, Code.INVALID_ARGUMENT, "INVALID_REQUEST", fields=faults)
    for error in (core, edge):
        answer = PROBLEMS.of(error, Facts(request_id="request-1", method="PATCH"), route)
        named = [each["field"] for each in orjson.loads(answer.body)["errors"]]
        assert named == ["displayName", "updateMask"]
