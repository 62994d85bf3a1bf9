"""The one family of errors that limen's own code raises.

Each class is one `limen.errors.v1.ErrorReason`; the contract describes them, a test holds the two
lists equal. `server.interceptors.errors` alone turns them into statuses.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field of a request."""

    field: str
    """The path in proto names, for instance `user.display_name`."""
    rule: str
    """The rule that is broken, for instance `string.min_len`; `limen.messages` has its sentence."""
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What the sentence mentions, for instance the limit."""
    text: str = ""
    """The sentence in English, for rules that the catalogue does not know."""


class LimenError(Exception):
    """A call that is refused for a reason of the contract."""

    reason: ClassVar[str]
    code: ClassVar[str]
    """The name of the gRPC status code."""

    def __init__(
        self,
        *,
        faults: Sequence[Fault] = (),
        retry_after: float | None = None,
        **metadata: str,
    ) -> None:
        super().__init__(self.reason)
        self.faults = faults
        self.retry_after = retry_after
        """Seconds after which trying again makes sense."""
        self.metadata = metadata


class InvalidRequest(LimenError):
    """The request breaks a rule of the contract."""

    reason = "INVALID_REQUEST"
    code = "INVALID_ARGUMENT"


class PasswordTooWeak(LimenError):
    """The password is too easy to guess."""

    reason = "PASSWORD_TOO_WEAK"
    code = "INVALID_ARGUMENT"


class PageTokenInvalid(LimenError):
    """The page token was not issued for this list."""

    reason = "PAGE_TOKEN_INVALID"
    code = "INVALID_ARGUMENT"


class TokenInvalid(LimenError):
    """A one-time token is unknown, used, superseded or expired."""

    reason = "TOKEN_INVALID"
    code = "INVALID_ARGUMENT"


class PasswordBreached(LimenError):
    """The password is in the list of lost passwords."""

    reason = "PASSWORD_BREACHED"
    code = "INVALID_ARGUMENT"


class CodeInvalid(LimenError):
    """A code that would confirm a new factor is wrong or no longer current."""

    reason = "CODE_INVALID"
    code = "INVALID_ARGUMENT"


class Unauthenticated(LimenError):
    """The call carries no credential and needs one."""

    reason = "UNAUTHENTICATED"
    code = "UNAUTHENTICATED"


class CredentialInvalid(LimenError):
    """The credential is malformed, forged, expired or revoked."""

    reason = "CREDENTIAL_INVALID"
    code = "UNAUTHENTICATED"


class SignInFailed(LimenError):
    """The address and password do not belong together."""

    reason = "SIGN_IN_FAILED"
    code = "UNAUTHENTICATED"


class RefreshTokenReused(LimenError):
    """A refresh token was used again after its successor."""

    reason = "REFRESH_TOKEN_REUSED"
    code = "UNAUTHENTICATED"


class ProofTooOld(LimenError):
    """The proof of identity is older than the call accepts."""

    reason = "PROOF_TOO_OLD"
    code = "UNAUTHENTICATED"


class FactorRejected(LimenError):
    """The second factor is wrong, was used before, or is not of this account."""

    reason = "FACTOR_REJECTED"
    code = "UNAUTHENTICATED"


class ChallengeInvalid(LimenError):
    """A challenge is unknown, answered, superseded or expired."""

    reason = "CHALLENGE_INVALID"
    code = "UNAUTHENTICATED"


class AssuranceTooLow(LimenError):
    """The session gives less assurance than the call needs."""

    reason = "ASSURANCE_TOO_LOW"
    code = "UNAUTHENTICATED"


class PermissionDenied(LimenError):
    """The caller lacks a permission."""

    reason = "PERMISSION_DENIED"
    code = "PERMISSION_DENIED"


class CredentialKindRefused(LimenError):
    """This kind of credential cannot be used for the call."""

    reason = "CREDENTIAL_KIND_REFUSED"
    code = "PERMISSION_DENIED"


class AccountDisabled(LimenError):
    """The account is disabled, told to its owner."""

    reason = "ACCOUNT_DISABLED"
    code = "PERMISSION_DENIED"


class EmailNotVerified(LimenError):
    """The address has not been confirmed, told to its owner."""

    reason = "EMAIL_NOT_VERIFIED"
    code = "FAILED_PRECONDITION"


class NotFound(LimenError):
    """The resource does not exist."""

    reason = "NOT_FOUND"
    code = "NOT_FOUND"


class AlreadyExists(LimenError):
    """A resource with this key exists."""

    reason = "ALREADY_EXISTS"
    code = "ALREADY_EXISTS"


class EtagMismatch(LimenError):
    """The resource changed since it was read."""

    reason = "ETAG_MISMATCH"
    code = "ABORTED"


class LastAdministrator(LimenError):
    """The change would leave nobody able to administer limen."""

    reason = "LAST_ADMINISTRATOR"
    code = "FAILED_PRECONDITION"


class LastFactor(LimenError):
    """The change would leave an account without a way to sign in."""

    reason = "LAST_FACTOR"
    code = "FAILED_PRECONDITION"


class BuiltInRole(LimenError):
    """A built-in role cannot be changed or deleted."""

    reason = "BUILT_IN_ROLE"
    code = "FAILED_PRECONDITION"


class LimitReached(LimenError):
    """The caller has as many of these as one may have."""

    reason = "LIMIT_REACHED"
    code = "FAILED_PRECONDITION"


class RateLimited(LimenError):
    """Too many calls."""

    reason = "RATE_LIMITED"
    code = "RESOURCE_EXHAUSTED"


class SignInLocked(LimenError):
    """Too many failed sign-ins to this address."""

    reason = "SIGN_IN_LOCKED"
    code = "RESOURCE_EXHAUSTED"


class Overloaded(LimenError):
    """More work of this kind is waiting than the core accepts."""

    reason = "OVERLOADED"
    code = "RESOURCE_EXHAUSTED"


class Unavailable(LimenError):
    """A dependency is away."""

    reason = "UNAVAILABLE"
    code = "UNAVAILABLE"


class DeadlineExceeded(LimenError):
    """The call did not finish in time."""

    reason = "DEADLINE_EXCEEDED"
    code = "DEADLINE_EXCEEDED"


class Unimplemented(LimenError):
    """The contract has no such RPC."""

    reason = "UNIMPLEMENTED"
    code = "UNIMPLEMENTED"


class Internal(LimenError):
    """Something unexpected happened; the request id leads to it in the logs."""

    reason = "INTERNAL"
    code = "INTERNAL"
