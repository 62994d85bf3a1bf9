"""Who calls the fake, and how it refuses: with the statuses that limen gives."""

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from cryptography.exceptions import InvalidSignature
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from limen.testing.issuing import decode
from limen.testing.people import FakeApiKey, FakeSession, FakeUser

if TYPE_CHECKING:
    from limen.testing.fake import FakeLimen


@dataclass(frozen=True, slots=True)
class Credential:
    """A live credential, and what it allows."""

    shown: FakeSession | FakeApiKey
    scopes: frozenset[str]

    @property
    def user(self) -> FakeUser:
        """Whose it is."""
        return self.shown.user


def find(limen: "FakeLimen", token: str) -> Credential | None:
    """The live credential that a token or API key is, or None."""
    key = limen.api_keys.get(token)
    if key is not None:
        return None if key.user.disabled else Credential(key, key.scopes)
    payload = _payload(limen, token)
    session = limen.sessions.get(payload.get("sid", ""))
    if session is None or session.user.disabled or time.time() >= payload["exp"]:
        return None
    return Credential(session, frozenset(payload["scope"].split()))


def _payload(limen: "FakeLimen", token: str) -> dict[str, Any]:
    """What a published key has signed. Verified in the plainest way: it is the fake's own token."""
    signed, _, signature = token.rpartition(".")
    for key in limen.published:
        try:
            key.private.public_key().verify(decode(signature), signed.encode())
            payload: dict[str, Any] = json.loads(decode(signed.split(".")[1]))
        except (InvalidSignature, ValueError):
            continue
        return payload
    return {}


def caller(limen: "FakeLimen", context: grpc.ServicerContext, permission: str = "") -> Credential:
    """The credential of a call, if it holds a permission. Refuses the call otherwise."""
    headers = {key: str(value) for key, value in context.invocation_metadata()}
    shown = headers.get("authorization")
    if shown is None:
        refuse(context, grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    found = find(limen, shown.partition(" ")[2])
    if found is None:
        refuse(context, grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID")
    if permission and permission not in found.scopes:
        refuse(context, grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
    return found


def refuse(context: grpc.ServicerContext, code: grpc.StatusCode, reason: str) -> NoReturn:
    """Ends the call with a status that has a reason of the contract."""
    status = status_pb2.Status(code=code.value[0], message=f"refused: {reason}")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="limen"))
    context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort returns to nobody")
