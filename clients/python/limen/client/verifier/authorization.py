"""The credential in the headers of a call, and the claims that it turned out to have."""

from collections.abc import Iterable
from contextvars import ContextVar

from limen.client.verifier.claims import Claims
from limen.client.verifier.errors import CredentialMissing

current: ContextVar[Claims] = ContextVar("limen_claims")
"""The caller of what is being served. Set wherever a guard has let somebody in."""


def credential(values: Iterable[str]) -> str:
    """The credential of the `authorization` headers of a call (RFC 6750, section 2.1).

    Raises `CredentialMissing` unless there is exactly one: of several nobody can say which counts.
    """
    first, *others = [*values] or [""]
    scheme, _, token = first.partition(" ")
    if others or scheme.lower() != "bearer" or not token:
        raise CredentialMissing
    return token
