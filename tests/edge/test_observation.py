from types import SimpleNamespace

import pytest

from edge.metrics import Metrics
from edge.observation import Observation
from tests.edge.asgi import answering, ask, scope_of


def observed(app, log, metrics=None):
    return Observation(app, metrics=metrics or Metrics(), log=log)


def routed(template, app):
    async def route(scope, receive, send):
        scope["state"]["route"] = SimpleNamespace(template=template)
        await app(scope, receive, send)

    return route


async def test_every_answer_carries_the_request_id(log):
    reply = await ask(observed(answering(), log), scope_of("/", (b"x-request-id", b"request-1")))
    assert reply[b"x-request-id"] == b"request-1"
    reply = await ask(observed(answering(status=500), log), scope_of())
    assert len(reply[b"x-request-id"]) == 32


async def test_one_line_tells_of_a_request_and_nothing_of_its_content(log):
    scope = scope_of(
        "/v1/users/secret-id",
        (b"authorization", b"Bearer secret"),
        (b"cookie", b"a=secret"),
        (b"x-request-id", b"request-1"),
    )
    scope["query_string"] = b"token=secret"
    await ask(observed(routed("/v1/users/{user_id}", answering()), log), scope)
    [line] = log.lines
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "request",
        "level": "info",
        "method": "GET",
        "route": "/v1/users/{user_id}",
        "status": 200,
        "request_id": "request-1",
    }


async def test_a_client_that_left_is_counted_too(log):
    async def silent(_scope, _receive, _send):
        return

    await observed(silent, log)(scope_of(), None, None)
    assert log.lines[0]["status"] == 499


async def test_labels_come_from_closed_sets(log):
    metrics = Metrics()
    app = observed(routed("/v1/users/{user_id}", answering(status=404)), log, metrics)
    await ask(app, scope_of("/v1/users/1"))
    await ask(app, scope_of("/v1/users/2", method="BREW"))
    for number in range(50):
        await ask(observed(answering(), log, metrics), scope_of(f"/{number}", method=f"M{number}"))
    text = metrics.exposition().decode()
    lines = [line for line in text.splitlines() if line.startswith("limen_edge_requests_total")]
    assert sorted(lines) == [
        'limen_edge_requests_total{method="GET",route="/v1/users/{user_id}",status="4xx"} 1.0',
        'limen_edge_requests_total{method="other",route="/v1/users/{user_id}",status="4xx"} 1.0',
        'limen_edge_requests_total{method="other",route="unmatched",status="2xx"} 50.0',
    ]


async def test_requests_in_flight_are_counted_while_they_are(log):
    metrics = Metrics()

    async def app(_scope, _receive, _send):
        assert b"limen_edge_requests_in_flight 1.0" in metrics.exposition()
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - any will do, it is ours
        await ask(observed(app, log, metrics), scope_of())
    assert b"limen_edge_requests_in_flight 0.0" in metrics.exposition()


async def test_streams_are_no_part_of_the_latency(log):
    metrics = Metrics()
    await ask(observed(answering(b"a", b"b"), log, metrics), scope_of())
    await ask(observed(answering(b"a"), log, metrics), scope_of())
    text = metrics.exposition().decode()
    assert 'seconds_count{method="GET",route="unmatched"} 1.0' in text
    assert 'requests_total{method="GET",route="unmatched",status="2xx"} 2.0' in text
