import grpc
import pytest

from edge.transcoding.status import http_status


@pytest.mark.parametrize("code", grpc.StatusCode)
def test_every_code_has_a_status(code: grpc.StatusCode) -> None:
    assert (
        http_status(code)
        == {
            "OK": 200,
            "CANCELLED": 499,
            "UNKNOWN": 500,
            "INVALID_ARGUMENT": 400,
            "DEADLINE_EXCEEDED": 504,
            "NOT_FOUND": 404,
            "ALREADY_EXISTS": 409,
            "PERMISSION_DENIED": 403,
            "UNAUTHENTICATED": 401,
            "RESOURCE_EXHAUSTED": 429,
            "FAILED_PRECONDITION": 400,
            "ABORTED": 409,
            "OUT_OF_RANGE": 400,
            "UNIMPLEMENTED": 501,
            "INTERNAL": 500,
            "UNAVAILABLE": 503,
            "DATA_LOSS": 500,
        }[code.name]
    )
