"""Structured logs: one JSON object a line on standard output."""

import contextlib
import json
import logging
import re
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

_SECRET_NAMES = ("password", "secret", "token", "authorization", "cookie", "credential")
_QUOTED_ROWS = re.compile(r"^DETAIL:.*", re.MULTILINE)
_GRPC = "grpc._cython.cygrpc"
"""What PostgreSQL adds to an error: the values that it is about."""


def configure(level: str, process: str) -> None:
    """Sets up structlog and sends the standard library's loggers the same way.

    `process` names the part of limen that speaks: `core`, `worker` or `edge`.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
        _redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_serialize)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=lambda *_: _Lines(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_serialize_text),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(logging.getLevelName(level), logging.WARNING))
    logging.getLogger(_GRPC).addFilter(_shows_no_metadata)


def _shows_no_metadata(record: logging.LogRecord) -> bool:
    """Whether a record of gRPC may be written.

    It shows metadata that are no text, be they a credential, with a trace for each of them.
    """
    return not str(record.msg).startswith("Invalid encoding on")


class _Lines(structlog.BytesLogger):
    """Standard output for as long as somebody reads it: without a log, limen goes on."""

    def msg(self, message: bytes) -> None:
        """Writes a line."""
        with contextlib.suppress(OSError, ValueError):
            super().msg(message)

    debug = info = warning = error = critical = msg


class CallLog:
    """Writes the one line that every call leaves, by a shorter way than other events take.

    The line is made here from fields that are known to be harmless, so it needs none of the
    general processors; they would cost a tenth of a cheap call.
    """

    def __init__(self, *, process: str, level: str) -> None:
        self._process = process
        self._wanted = logging.getLevelName(level) <= logging.INFO
        self._write = _Lines(sys.stdout.buffer).msg

    def write(self, **fields: str | float) -> None:
        """Writes one line of level `info`."""
        if self._wanted:
            about = {"process": self._process, "level": "info", "time": datetime.now(UTC)}
            self._write(orjson.dumps({"event": "rpc", **fields, **about}, option=orjson.OPT_UTC_Z))


def _redact(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last line of defence: what is named like a secret never leaves the process."""
    for key in event:
        if any(name in key.lower() for name in _SECRET_NAMES):
            event[key] = "[redacted]"
    if "exception" in event:
        event["exception"] = _QUOTED_ROWS.sub("DETAIL:  [redacted]", str(event["exception"]))
    return event


def _serialize(event: Any, **_options: Any) -> bytes:
    try:
        return orjson.dumps(event, default=str)
    except TypeError:
        # Half a character, or a number beyond 64 bits: the library of Python writes those as well.
        return json.dumps(event, default=str).encode()


def _serialize_text(event: Any, **_options: Any) -> str:
    return _serialize(event).decode()
