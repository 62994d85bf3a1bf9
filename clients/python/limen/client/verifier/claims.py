"""What a verified credential says."""

from dataclasses import dataclass
from datetime import datetime

TWO_FACTORS = "aal2"
"""The `acr` of a session opened with two factors (NIST SP 800-63B, section 2.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Who is calling, and what they may do, according to a credential that was verified.

    Of an access token (RFC 9068), or of an API key as limen describes it (RFC 7662).
    """

    user_id: str
    """The user, a UUID (`sub`)."""
    session_id: str
    """The session, a UUID (`sid`); the id of the key for an API key. What is revoked is this."""
    token_id: str
    """The id of the token (`jti`); empty for an API key."""
    client_id: str
    """The program that the token was given to: a service account, or `limen` for a session of a
    person. Empty when limen does not say."""
    scopes: frozenset[str]
    """The permissions of the user when the token was issued, or those of the API key now."""
    amr: tuple[str, ...]
    """How the user proved who they are (RFC 8176), for instance `("pwd", "otp", "mfa")`."""
    acr: str
    """How much assurance that proof gives: `aal1`, or `aal2` for two factors."""
    auth_time: datetime | None
    """When the user last proved who they are (UTC). None for an API key: it proves nothing anew."""
    issue_time: datetime | None
    """When the token was issued (UTC)."""
    expire_time: datetime | None
    """When it expires (UTC). None for an API key without end."""
    certificate: str | None
    """The thumbprint of the client certificate without which the token is void (`x5t#S256` of RFC
    8705, section 3.1). None for a plain bearer token."""
    is_api_key: bool = False
    """Whether the credential is an API key."""
