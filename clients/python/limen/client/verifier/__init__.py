"""Verifies limen's credentials inside your service: no call to limen, and no wait for revocations.

    async with connect("limen:50051", token=own_token) as limen:
        async with Verifier(limen, issuer="https://id.example.org", audience="limen") as verifier:
            claims = await verifier.verify(token)

A token costs the verification of its signature at first sight and a look-up after that. limen
pushes what is revoked over a stream, and says every second that nothing is missing; when it falls
silent for longer than a bound, the verifier asks about each token, or refuses, as you choose.

`GrpcGuard` and `AsgiGuard` put it before a server, `limen.client.verifier.fastapi` before a route.
Needs `limen-client[verifier]`. docs/verifier.md tells what is guaranteed.
"""

from limen.client.verifier.asgi import AsgiGuard
from limen.client.verifier.authorization import current
from limen.client.verifier.claims import Claims
from limen.client.verifier.counters import Counters
from limen.client.verifier.errors import (
    AssuranceTooLow,
    CredentialInvalid,
    CredentialKindRefused,
    CredentialMissing,
    PermissionDenied,
    ProofTooOld,
    StaleError,
    VerificationError,
)
from limen.client.verifier.grpc_guard import GrpcGuard
from limen.client.verifier.requirement import SIGNED_IN, Requirement
from limen.client.verifier.verifier import Verifier

__all__ = [
    "SIGNED_IN",
    "AsgiGuard",
    "AssuranceTooLow",
    "Claims",
    "Counters",
    "CredentialInvalid",
    "CredentialKindRefused",
    "CredentialMissing",
    "GrpcGuard",
    "PermissionDenied",
    "ProofTooOld",
    "Requirement",
    "StaleError",
    "VerificationError",
    "Verifier",
    "current",
]
