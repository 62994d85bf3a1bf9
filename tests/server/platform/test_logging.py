"""Logs: one JSON object a line, whatever happens, and nothing in them that is secret."""

import json
import subprocess
import sys

PREPARE = """
import logging as standard
import structlog
from server.platform import logging
logging.configure({level!r}, "core")
log = structlog.get_logger("limen")
"""


def printed(program: str, *, level: str = "INFO") -> list[dict]:
    """The lines that a program logs, in a process of its own: logging is set up only once."""
    done = subprocess.run(  # noqa: S603 - a program of this test
        [sys.executable, "-c", PREPARE.format(level=level) + program],
        capture_output=True,
        check=True,
        text=True,
    )
    assert not done.stderr
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def test_an_event_is_one_line_with_its_time_level_and_process():
    (line,) = printed("log.info('thing.happened', count=3, text='one\\ntwo \\u2028 é')")

    assert line["event"] == "thing.happened"
    assert (line["level"], line["process"]) == ("info", "core")
    assert line["time"].endswith("Z")
    assert (line["count"], line["text"]) == (3, "one\ntwo \u2028 é")


def test_what_is_named_like_a_secret_is_not_shown():
    names = ["password", "newPassword", "access_token", "cookie", "Authorization", "edge_secret"]
    (line,) = printed(f"log.info('x', **dict.fromkeys({names}, 'hunter2'), harmless='kept')")

    assert {line[name] for name in names} == {"[redacted]"}
    assert line["harmless"] == "kept"


def test_an_exception_is_one_line_too():
    (line,) = printed(
        """
try:
    raise ValueError("broken\\nin two")
except ValueError:
    log.exception("thing.failed")
"""
    )

    assert line["level"] == "error"
    assert "ValueError: broken\nin two" in line["exception"]
    assert "Traceback" in line["exception"]


def test_the_values_of_rows_that_postgresql_quotes_are_not_shown():
    (line,) = printed(
        """
import asyncpg
try:
    error = asyncpg.UniqueViolationError("duplicate key value")
    error.detail = "Key (email_key)=(ada@example.com) already exists."
    raise RuntimeError("wrapped") from error
except RuntimeError:
    log.exception("thing.failed")
"""
    )

    assert "duplicate key value" in line["exception"]
    assert "ada@example.com" not in line["exception"]


def test_what_cannot_be_json_is_written_as_text():
    (line,) = printed("log.info('x', where=object, raw={1, 2}.__class__)")

    assert line["raw"] == "<class 'set'>"


def test_libraries_log_the_same_way():
    lines = printed(
        """
standard.getLogger("asyncio").warning("slow: %s", "a\\nb")
standard.getLogger("asyncio").info("not wanted")
try:
    raise ValueError("broken")
except ValueError:
    standard.getLogger("grpc").exception("failed")
"""
    )

    assert [line["logger"] for line in lines] == ["asyncio", "grpc"]
    assert lines[0]["event"] == "slow: a\nb"
    assert "ValueError: broken" in lines[1]["exception"]


def test_the_level_decides_what_is_written():
    lines = printed(
        """
for level in ("DEBUG", "INFO", "ERROR"):
    logging.configure(level, "core")
    log = structlog.get_logger("limen")
    log.debug(level), log.info(level), log.error(level)
"""
    )

    written = [(line["event"], line["level"]) for line in lines]
    assert written == [
        *(("DEBUG", level) for level in ("debug", "info", "error")),
        *(("INFO", level) for level in ("info", "error")),
        ("ERROR", "error"),
    ]


def test_a_call_leaves_its_line_if_wanted():
    lines = printed(
        """
for level in ("DEBUG", "INFO", "WARNING"):
    logging.CallLog(process="core", level=level).write(rpc="/a", code="OK", ms=1.5)
"""
    )

    assert len(lines) == 2
    for line in lines:
        assert (line["event"], line["rpc"], line["code"], line["ms"]) == ("rpc", "/a", "OK", 1.5)
        assert (line["process"], line["level"]) == ("core", "info")
        assert line["time"].endswith("Z")


def test_whatever_is_logged_is_one_line_of_json():
    lines = printed(
        """
class Wordless(Exception):
    def __str__(self):
        raise ValueError

for odd in (ValueError("\\ud800"), Wordless(), ExceptionGroup("two", [KeyError("a"), OSError()])):
    log.error("odd", exc_info=odd)
for odd in ("\\ud800", 2**80, {1: 2}, {"a": {"\\udfff": b"x"}}, float("nan"), "\\x00\\x1b[31m"):
    log.info("odd", value=odd)
"""
    )

    assert [line["event"] for line in lines] == ["odd"] * 9
    assert "Wordless" in lines[1]["exception"]


def test_limen_goes_on_when_nobody_reads_the_log():
    program = """
import sys
sys.stdin.readline()
for _ in range(3):
    log.info("a")
    logging.CallLog(process="core", level="INFO").write(rpc="/a")
    standard.getLogger("asyncio").warning("a")
sys.stderr.write("goes on")
"""
    process = subprocess.Popen(  # noqa: S603 - a program of this test
        [sys.executable, "-c", PREPARE.format(level="INFO") + program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    _, complaints = process.communicate(b"\n")

    assert b"goes on" in complaints
