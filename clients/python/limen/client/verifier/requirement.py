"""What a call of your service asks of its caller."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from limen.client.verifier.claims import TWO_FACTORS, Claims
from limen.client.verifier.errors import (
    AssuranceTooLow,
    CredentialKindRefused,
    PermissionDenied,
    ProofTooOld,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """Holds what `limen.options.v1.policy` holds for limen's own RPCs. All of it must be met.

    scopes: permissions that the caller holds.
    max_proof_age: seconds since the user proved who they are, at most. None: any age.
    two_factors: whether that proof must have had two factors (`acr` of `aal2`).
    """

    scopes: AbstractSet[str] = frozenset()
    max_proof_age: float | None = None
    two_factors: bool = False

    def check(self, claims: Claims, now: float) -> None:
        """Lets a caller pass or raises why not. `now` is in seconds since 1970 (UTC).

        Raises `PermissionDenied`, `CredentialKindRefused`, `AssuranceTooLow` and `ProofTooOld`.
        """
        missing = min(self.scopes - claims.scopes, default=None)
        if missing is not None:
            raise PermissionDenied(permission=missing)
        if claims.is_api_key and (self.two_factors or self.max_proof_age is not None):
            raise CredentialKindRefused
        if self.two_factors and claims.acr != TWO_FACTORS:
            raise AssuranceTooLow(acr=TWO_FACTORS)
        if self.max_proof_age is not None:
            proved = claims.auth_time
            if proved is None or now - proved.timestamp() > self.max_proof_age:
                raise ProofTooOld(maxAgeSeconds=f"{self.max_proof_age:.0f}")


SIGNED_IN = Requirement()
"""Anybody whom limen knows."""
