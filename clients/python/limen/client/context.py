"""What a call inherits from the work that makes it."""

import re
from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("limen_request_id", default=None)
"""The id of the request being served. When set, calls to limen carry it as `x-request-id`."""

_SAFE_ID = re.compile(r"[\x21-\x7e]{1,128}")


def outgoing_request_id() -> str | None:
    """The request id to send on, or None.

    Such ids often come from strangers, and one that cannot stand in a header would fail the
    whole call; it is left out instead.
    """
    value = request_id.get()
    return value if value is not None and _SAFE_ID.fullmatch(value) else None
