"""How somebody proved who they are, and what that proof is worth.

The words that the slices share: methods are those of RFC 8176, levels those of NIST SP 800-63B.
"""

from collections.abc import Iterable
from enum import StrEnum

PASSWORD = "pwd"
CODE = "otp"
"""A code that works once: of an authenticator app, or a recovery code."""
MULTIPLE_FACTORS = "mfa"

ONE_FACTOR = "aal1"
TWO_FACTORS = "aal2"


class SecondFactor(StrEnum):
    """A way to answer a challenge."""

    TOTP = "totp"
    RECOVERY_CODE = "recovery_code"
    PASSKEY = "passkey"


def level(methods: Iterable[str]) -> str:
    """The level of assurance that these methods give together, as in the claim `acr`."""
    return TWO_FACTORS if MULTIPLE_FACTORS in methods else ONE_FACTOR


def together(first: Iterable[str], second: Iterable[str]) -> list[str]:
    """The methods of a proof in two steps, each of which showed another factor."""
    return list(dict.fromkeys((*first, *second, MULTIPLE_FACTORS)))
