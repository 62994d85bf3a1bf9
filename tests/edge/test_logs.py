import io
import json
import logging

import pytest

from edge.logs import adopt_standard_logging, make_log


@pytest.fixture
def stream():
    return io.BytesIO()


@pytest.fixture
def root_logger():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_object(stream):
    make_log(stream, "INFO").info("request", status=200, path="/a\nb")
    [line] = lines(stream)
    assert line["event"] == "request"
    assert line["level"] == "info"
    assert line["status"] == 200
    assert line["time"].endswith("Z")


def test_less_than_the_level_is_not_written(stream):
    log = make_log(stream, "WARNING")
    log.info("quiet")
    log.warning("loud")
    assert [line["event"] for line in lines(stream)] == ["loud"]


def fail_with(password):
    raise ValueError("broken", len(password))


def test_a_trace_shows_no_values(stream):
    log = make_log(stream, "INFO")
    with pytest.raises(ValueError, match="broken") as failed:
        fail_with("2retnuh"[::-1])
    log.error("request_failed", exc_info=failed.value)
    [line] = lines(stream)
    assert "ValueError" in line["exception"]
    assert "hunter2" not in line["exception"]


def test_what_json_cannot_say_is_written_as_text(stream):
    make_log(stream, "INFO").info("odd", value={1, 2} - {2})
    assert lines(stream)[0]["value"] == "{1}"


@pytest.mark.usefixtures("root_logger")
def test_libraries_speak_the_same(stream):
    adopt_standard_logging(make_log(stream, "INFO"), "INFO")
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
    logging.getLogger("asyncio").debug("unheard")
    [line] = lines(stream)
    assert line["event"] == "Started server process [7]"
    assert line["logger"] == "uvicorn.error"
    assert "exception" not in line
