"""Policies for readers and for programs."""

from typing import Any

from tests.edge.openapi.conftest import Describe


def operation(describe: Describe, policy: str, http: str = 'get: "/x/{user_id}"') -> dict[str, Any]:
    document = describe(
        "message M { string user_id = 1; Inner inner = 2; } message Inner { string user_id = 1; }"
        "service Probe { /* Tries. */ rpc Try(M) returns (M) {"
        f"option (google.api.http) = {{{http}}};"
        f"option (limen.options.v1.policy) = {{{policy}}}; }} }}"
    )
    ((found,),) = (item.values() for item in document["paths"].values())
    return found


def test_public(describe: Describe) -> None:
    found = operation(describe, "public: true rate_limit: RATE_LIMIT_CLASS_MAIL")
    assert found["security"] == []
    assert found["description"] == ""
    assert "401" not in found["responses"]
    assert found["x-limen-policy"] == {
        "access": "public",
        "rateLimit": {"class": "MAIL", "networkPerMinute": 30, "callerPerMinute": 10},
        "idempotent": False,
    }


def test_authenticated_and_fresh(describe: Describe) -> None:
    found = operation(describe, "authenticated: true max_proof_age: {seconds: 900}")
    assert found["description"] == "The proof of identity may be at most 15 minutes old."
    assert found["x-limen-policy"]["maxProofAge"] == "900s"
    content = found["responses"]["401"]["content"]["application/problem+json"]
    assert "PROOF_TOO_OLD" in content["schema"]["properties"]["reason"]["enum"]
    assert "403" not in found["responses"]


def test_a_permission_and_who_needs_none(describe: Describe) -> None:
    found = operation(describe, 'permission: "x.do" own_field: "user_id" audit_event: "x.do"')
    assert found["description"] == (
        "Requires permission `x.do`; callers who name themselves in `userId` need none."
    )
    assert found["x-limen-policy"]["auditEvent"] == "x.do"
    assert "403" in found["responses"]


def test_the_own_field_is_named_as_the_caller_meets_it(describe: Describe) -> None:
    found = operation(describe, 'permission: "x.do" own_field: "inner.user_id"')
    assert found["x-limen-policy"]["ownField"] == "inner.userId"


def test_ages_are_told_in_the_largest_unit(describe: Describe) -> None:
    for seconds, words in {
        1: "1 second",
        90: "90 seconds",
        7200: "2 hours",
        86400: "1 day",
    }.items():
        found = operation(describe, f"authenticated: true max_proof_age: {{seconds: {seconds}}}")
        assert f"at most {words} old" in found["description"]
