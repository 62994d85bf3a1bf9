"""What is wrong with a request, in a form that any program can turn into its own answer.

Rules of `FieldFault` that are not rule ids of `buf.validate`:

- `json.syntax`, `json.encoding`, `json.depth`: the body is not JSON, not UTF-8, or nested too
  deeply; `field` is empty unless the place is known;
- `json.unknown_field`, `json.duplicate_key`, `json.oneof`: no such field, one given twice (also
  under both of its names), two members of one `oneof`;
- `json.type`, `json.enum`: a value that its field cannot hold;
- `query.unknown`, `query.type`, `query.repeated`: the same for query parameters;
- `path.type`, `path.conflict`: a path variable that its field cannot hold, or that disagrees
  with the body;
- `body.unexpected`: a body where none is read;
- `mask.unknown`: a field mask that names no field;
- `rule.undecided`: a validation rule that could not be evaluated on this input.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import islice

import grpc

from edge.transcoding.asgi import Headers

INVALID_REQUEST = "INVALID_REQUEST"

# More help nobody, and a small request must not buy a huge answer.
_MOST_FAULTS = 100


@dataclasses.dataclass(frozen=True, slots=True)
class FieldFault:
    """What is wrong with one field."""

    field: str
    """Its path in JSON names, such as `user.displayName`, `items[2].name` or `details["a"]`."""
    rule: str
    """The rule that it breaks: of `buf.validate`, or one of those listed above."""
    message: str
    """What would be right, in English."""
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The values in `message`, for instance `{"min_len": "8"}`, so that it can be said anew."""


class Fault(Exception):  # noqa: N818 - a fault is the caller's, an error would be ours
    """A request that cannot be served.

    `status` is the HTTP status, `code` its gRPC counterpart, `reason` a constant for programs,
    `detail` English text for people, `headers` what the answer must carry (for instance `allow`).
    """

    def __init__(
        self,
        status: int,
        code: grpc.StatusCode,
        reason: str,
        detail: str = "",
        *,
        fields: Iterable[FieldFault] = (),
        headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(status, code, reason, detail)
        self.status = status
        self.code = code
        self.reason = reason
        self.detail = detail
        self.fields = tuple(fields)
        self.headers: Headers = list(headers)


def invalid(fields: Iterable[FieldFault]) -> Fault:
    """The fault of a request whose fields are wrong."""
    return Fault(
        HTTPStatus.BAD_REQUEST,
        grpc.StatusCode.INVALID_ARGUMENT,
        INVALID_REQUEST,
        "the request is not valid",
        fields=islice(fields, _MOST_FAULTS),
    )
