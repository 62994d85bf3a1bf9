"""Which form of a stream a client gets."""

import pytest

from edge.transcoding.fault import Fault
from edge.transcoding.framing import EVENTS, LINES, choose


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/x-ndjson",
        "application/json",
        "application/*",
        "application/jsonl, text/html",
        "text/event-stream, application/x-ndjson",
        "text/event-stream;q=0.5, */*",
        "text/event-stream;q=0, */*",
        "text/event-stream;q=x, application/json",
        "text/*;q=0.1, application/json;q=0.2",
        "text/html, */*;q=0.8",
    ],
)
def test_lines(accept: str) -> None:
    assert choose(accept.encode()) is LINES


@pytest.mark.parametrize(
    "accept",
    [
        "text/event-stream",
        "Text/Event-Stream",
        "text/event-stream; charset=utf-8",
        "text/event-stream, */*",
        "text/event-stream, */*;q=0.1",
        "text/*",
        "application/json;q=0.5, text/event-stream;q=0.6",
        "application/json;q=0, application/x-ndjson;q=0, application/*;q=0, */*",
    ],
)
def test_events(accept: str) -> None:
    assert choose(accept.encode()) is EVENTS


@pytest.mark.parametrize("accept", ["text/html", "image/*", "*/*;q=0", "application/xml", "x", "/"])
def test_neither(accept: str) -> None:
    with pytest.raises(Fault) as caught:
        choose(accept.encode())
    assert caught.value.status == 406
    assert caught.value.reason == "NOT_ACCEPTABLE"


def test_an_error_is_one_line() -> None:
    problem = b'{\n "a": "b\\n",\r\n "c": 1}'
    assert LINES.error(problem) == b'{"error":{  "a": "b\\n",   "c": 1}}\n'
    assert EVENTS.error(problem) == b'event: error\ndata: {  "a": "b\\n",   "c": 1}\n\n'
