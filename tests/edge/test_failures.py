import grpc
import orjson
import pytest

from edge.failures import Failures
from edge.problems import Problems
from edge.transcoding.fault import Fault
from tests.edge.asgi import ask, scope_of
from tests.edge.rpc_errors import rpc_error

ID = (b"x-request-id", b"request-1")


def failing(error, log, *, begin=False):
    async def app(_scope, _receive, send):
        if begin:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise error

    return Failures(app, problems=Problems(public_url="https://id.example"), log=log)


async def test_a_refusal_becomes_its_problem(log):
    fault = Fault(408, grpc.StatusCode.DEADLINE_EXCEEDED, "REQUEST_TIMEOUT")
    reply = await ask(failing(fault, log), scope_of("/", ID))
    assert reply.status == 408
    assert orjson.loads(reply.body)["instance"] == "request-1"
    assert log.lines == []


async def test_an_error_of_the_core_becomes_its_problem(log):
    reply = await ask(failing(rpc_error(grpc.StatusCode.NOT_FOUND), log), scope_of())
    assert reply.status == 404


@pytest.mark.parametrize("error", [ValueError("secret"), KeyError("secret"), TimeoutError()])
async def test_a_defect_is_logged_and_not_told(log, error):
    reply = await ask(failing(error, log), scope_of("/", ID))
    assert reply.status == 500
    assert b"secret" not in reply.body
    [line] = log.of("request_failed")
    assert (line["request_id"], line["exc_info"]) == ("request-1", error)


async def test_an_answer_that_has_begun_is_left_incomplete(log):
    reply = await ask(failing(ValueError("late"), log, begin=True), scope_of())
    assert (reply.status, reply.parts) == (200, [])
    assert len(log.of("request_failed")) == 1
