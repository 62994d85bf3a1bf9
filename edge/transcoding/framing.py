"""How a stream of messages is written into one HTTP answer."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

import grpc

from edge.transcoding.fault import Fault

_EVENT_STREAM: Final = "text/event-stream"
_NDJSON: Final = "application/x-ndjson"
# One JSON text a line is also known by these names; whoever takes JSON can take its lines.
_NDJSON_NAMES: Final = (_NDJSON, "application/ndjson", "application/jsonl", "application/json")


class Framing(Protocol):
    """The form of a stream."""

    media_type: bytes
    heartbeat: bytes
    """What shows in silence that the stream is alive; empty if nothing can."""

    def message(self, json: bytes) -> bytes:
        """Return one message, whose JSON has no line breaks."""

    def error(self, problem: bytes) -> bytes:
        """Return the end of a stream that failed, whose problem is JSON."""


class _Lines:
    """Newline-delimited JSON: one message a line, and the error as the member of a last one."""

    media_type = _NDJSON.encode()
    heartbeat = b""

    def message(self, json: bytes) -> bytes:
        return json + b"\n"

    def error(self, problem: bytes) -> bytes:
        return b'{"error":' + _one_line(problem) + b"}\n"


class _Events:
    """Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

    media_type = _EVENT_STREAM.encode()
    heartbeat = b":\n\n"

    def message(self, json: bytes) -> bytes:
        return b"data: " + json + b"\n\n"

    def error(self, problem: bytes) -> bytes:
        return b"event: error\ndata: " + _one_line(problem) + b"\n\n"


LINES: Final[Framing] = _Lines()
EVENTS: Final[Framing] = _Events()


def choose(accept: bytes) -> Framing:
    """Return the framing that an `accept` header asks for: lines, unless it prefers events.

    Raises:
        Fault: It excludes both. A client that cannot read a stream would wait for its end.
    """
    ranges = [_range(part) for part in accept.decode("latin-1").lower().split(",") if part.strip()]
    if not ranges:
        return LINES
    lines = max(_preference(ranges, name) for name in _NDJSON_NAMES)
    events = _preference(ranges, _EVENT_STREAM)
    if not lines.quality and not events.quality:
        raise Fault(
            HTTPStatus.NOT_ACCEPTABLE,
            grpc.StatusCode.INVALID_ARGUMENT,
            "NOT_ACCEPTABLE",
            f"this stream comes as {_NDJSON} or as {_EVENT_STREAM}",
        )
    return EVENTS if events > lines else LINES


@dataclass(frozen=True, slots=True, order=True)
class _Preference:
    """How much something is wanted: by weight, then by how explicitly."""

    quality: float
    precision: int


def _range(text: str) -> tuple[str, float]:
    """Read a media range with its weight (RFC 9110, sections 12.4.2 and 12.5.1)."""
    name, *parameters = (part.strip() for part in text.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return name, min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                return name, 0.0
    return name, 1.0


def _preference(ranges: list[tuple[str, float]], media_type: str) -> _Preference:
    """Return the preference by the most precise range that fits; zero if none does."""
    fitting = ("*/*", f"{media_type.partition('/')[0]}/*", media_type)
    weights = {fitting.index(name): weight for name, weight in ranges if name in fitting}
    if not weights:
        return _Preference(0.0, 0)
    precision = max(weights)
    return _Preference(weights[precision], precision)


def _one_line(json: bytes) -> bytes:
    # Inside its strings JSON has no line breaks: the others are mere space.
    return json.replace(b"\r", b" ").replace(b"\n", b" ")
