"""An asyncio client for limen: channel, typed errors and sessions that keep themselves alive.

    async with connect("127.0.0.1:50051") as limen:
        async with await limen.sign_in("ada@example.org", password) as ada:
            answer = await ada.users.GetUser(GetUserRequest(user_id="me"))

`connect` gives a `Limen`, whose `auth`, `users`, `audit` and others are the generated stubs. Behind
them stand what every caller of a service needs and few write: balancing over healthy servers,
retries of what the contract calls idempotent, a deadline on every call, and exceptions that
carry the reason from the contract. Neither the server nor the edge is needed to use it.
"""

from limen.client.channel import connect
from limen.client.context import request_id
from limen.client.errors import (
    Aborted,
    AlreadyExists,
    Cancelled,
    DeadlineExceeded,
    FailedPrecondition,
    FieldFault,
    Internal,
    InvalidRequest,
    LimenError,
    NotFound,
    PermissionDenied,
    RequestTooLarge,
    SecondFactorRequired,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unimplemented,
)
from limen.client.facade import Limen, SignedIn
from limen.client.tls import Tls

__all__ = [
    "Aborted",
    "AlreadyExists",
    "Cancelled",
    "DeadlineExceeded",
    "FailedPrecondition",
    "FieldFault",
    "Internal",
    "InvalidRequest",
    "Limen",
    "LimenError",
    "NotFound",
    "PermissionDenied",
    "RequestTooLarge",
    "SecondFactorRequired",
    "SignedIn",
    "Tls",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "connect",
    "request_id",
]
