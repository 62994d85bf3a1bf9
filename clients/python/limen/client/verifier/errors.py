"""Why a credential does not open what it was shown for.

One family, with the reasons of `limen.errors.v1.ErrorReason`, so that callers of your service see
what they would see from limen. The sentences are for callers; `why` is for your log alone.
"""

# ruff: noqa: N818 - named like the reasons of the contract.

from typing import ClassVar

from grpc import StatusCode


class VerificationError(Exception):
    """A call is not to be let in."""

    code: ClassVar[StatusCode]
    """The gRPC status to answer with."""
    http_status: ClassVar[int]
    """The HTTP status to answer with."""
    reason: ClassVar[str]
    """The name of the `limen.errors.v1.ErrorReason` without its prefix."""
    message: ClassVar[str]
    """One sentence for the caller."""

    def __init__(self, why: str = "", **metadata: str) -> None:
        super().__init__(why or self.message)
        self.why = why
        """What exactly is wrong, for the log. It never repeats the credential."""
        self.metadata = metadata
        """More about the reason, under the keys that the contract gives with it."""


class CredentialMissing(VerificationError):
    """The call carries no credential, or several."""

    code = StatusCode.UNAUTHENTICATED
    http_status = 401
    reason = "UNAUTHENTICATED"
    message = "Send one access token: authorization: Bearer <token>."


class CredentialInvalid(VerificationError):
    """The credential is malformed, forged, expired, revoked, or for somebody else."""

    code = StatusCode.UNAUTHENTICATED
    http_status = 401
    reason = "CREDENTIAL_INVALID"
    message = "The credential is not, or no longer, valid."


class ProofTooOld(VerificationError):
    """The user proved who they are too long ago; `maxAgeSeconds` is in the metadata."""

    code = StatusCode.UNAUTHENTICATED
    http_status = 401
    reason = "PROOF_TOO_OLD"
    message = "The proof of identity is too old for this call: sign in again."


class AssuranceTooLow(VerificationError):
    """The user showed too little proof; the `acr` that is needed is in the metadata."""

    code = StatusCode.UNAUTHENTICATED
    http_status = 401
    reason = "ASSURANCE_TOO_LOW"
    message = "This call needs a second factor: sign in with two."


class PermissionDenied(VerificationError):
    """A scope is missing; `permission` in the metadata names it."""

    code = StatusCode.PERMISSION_DENIED
    http_status = 403
    reason = "PERMISSION_DENIED"
    message = "The credential does not allow this call."


class CredentialKindRefused(VerificationError):
    """An API key cannot stand in for a fresh or strong proof."""

    code = StatusCode.PERMISSION_DENIED
    http_status = 403
    reason = "CREDENTIAL_KIND_REFUSED"
    message = "This call needs a person who signed in, not an API key."


class StaleError(VerificationError):
    """Nobody can say now whether the credential still counts: limen was not heard for too long."""

    code = StatusCode.UNAVAILABLE
    http_status = 503
    reason = "UNAVAILABLE"
    message = "Callers cannot be identified at the moment. Please try again shortly."
    retry_after: ClassVar[float] = 1.0
    """Seconds after which to try again."""
